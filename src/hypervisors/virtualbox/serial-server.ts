/**
 * The host's end of the link. We listen, VirtualBox connects when the machine is switched on: on a Unix
 * socket in a folder that is ours alone, on Windows on a named pipe.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SerialLine } from '../hypervisor.ts';

/** Of one machine, for all its runs. */
export interface LinkAddress {
  readonly path: string;
  /** Removes what was made for it. */
  release(): Promise<void>;
}

/** `name` is unique among the machines of this computer's user. */
export async function makeLinkAddress(
  name: string,
  platform: NodeJS.Platform = process.platform,
): Promise<LinkAddress> {
  if (platform === 'win32') return { path: `\\\\.\\pipe\\${name}-link`, release: async () => {} };
  // A socket's path may have some hundred bytes at most, which the folder of a build may not leave.
  const folder = await mkdtemp(join(tmpdir(), 'pvmc-link-'));
  return {
    path: join(folder, 'link'),
    release: () => rm(folder, { recursive: true, force: true }),
  };
}

/** The line of one run: it ends when the machine hangs up, or when it is closed. */
export class SerialServer implements SerialLine {
  readonly #server: Server;
  readonly #connected: Promise<Socket | undefined>;
  #socket: Socket | undefined;
  #giveUp = () => {};

  private constructor(server: Server) {
    this.#server = server;
    this.#connected = new Promise((resolve) => {
      this.#giveUp = () => resolve(undefined);
      server.once('connection', (socket) => {
        // A line that breaks off is a line that has ended; how the machine ended tells why.
        socket.on('error', () => {});
        this.#socket = socket;
        resolve(socket);
        server.close();
      });
    });
  }

  static async listen(path: string): Promise<SerialServer> {
    await rm(path, { force: true }).catch(() => {});
    const server = createServer();
    const line = new SerialServer(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    return line;
  }

  write(bytes: Uint8Array | string): void {
    if (this.#socket?.writable === true) this.#socket.write(bytes);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    const socket = await this.#connected;
    if (!socket) return;
    try {
      for await (const bytes of socket) if (bytes instanceof Uint8Array) yield bytes;
    } catch {
      // See above.
    }
  }

  /** Nobody will connect any more; who has connected is still read to the end. */
  close(): void {
    this.#giveUp();
    this.#server.close();
  }

  /** Drops what nobody has read. */
  destroy(): void {
    this.close();
    this.#socket?.destroy();
  }
}
