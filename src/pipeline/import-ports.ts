/** Ways from this computer into a machine behind NAT: a guest's TCP port, and the one on loopback that leads there. */
import { createServer } from 'node:net';
import { PvmcError } from '../system/error.ts';

export interface Forward {
  readonly guestPort: number;
  /** The first free one that resembles the guest's, unless given. */
  readonly hostPort?: number | undefined;
}

const LARGEST_PORT = 65_535;
/** Ports below 1024 are for root. 22 becomes 8022, 80 becomes 8080. */
const SMALLEST_OF_USERS = 1024;
const SHIFT = 8000;

/** Guest port → host port. @throws PvmcError `port-in-use` for one that was asked for and is not free. */
export async function hostPorts(
  forwards: readonly Forward[],
): Promise<Readonly<Record<number, number>>> {
  const taken = new Set(forwards.flatMap(({ hostPort }) => hostPort ?? []));
  const chosen: Record<number, number> = {};
  for (const { guestPort, hostPort } of forwards) {
    if (hostPort !== undefined && !(await isFree(hostPort))) throw portInUse(hostPort);
    chosen[guestPort] = hostPort ?? (await freePortLike(guestPort, taken));
    taken.add(chosen[guestPort]);
  }
  return chosen;
}

async function freePortLike(guestPort: number, taken: ReadonlySet<number>): Promise<number> {
  const first = guestPort < SMALLEST_OF_USERS ? guestPort + SHIFT : guestPort;
  for (let port = first; port <= LARGEST_PORT; port += 1)
    if (!taken.has(port) && (await isFree(port))) return port;
  throw portInUse(first);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function portInUse(port: number): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'port-in-use',
    message: `port ${port} on 127.0.0.1 is in use, or not for you to use`,
    hint: 'Choose another one: --forward HOST:GUEST. `ss -ltnp` shows who listens.',
  });
}
