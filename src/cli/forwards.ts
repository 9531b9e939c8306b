/** `--forward 8080:80`: ways into a machine as people write them. */
import { InvalidArgumentError } from 'commander';
import type { Forward } from '../pipeline/import-ports.ts';

/** What there is unless something else was asked for: the port of SSH. */
export const USUAL_FORWARDS: readonly Forward[] = [{ guestPort: 22 }];

/** Adds one `HOST:GUEST` or `GUEST` to those given before; commander calls it for each. */
export function addForward(text: string, earlier: readonly Forward[]): readonly Forward[] {
  const [, host, guest = ''] = /^(?:(\d+):)?(\d+)$/.exec(text) ?? [];
  const forward = { guestPort: port(guest), hostPort: host === undefined ? undefined : port(host) };
  // The usual ones give way to the first that is asked for.
  const kept = earlier === USUAL_FORWARDS ? [] : earlier;
  if (kept.some(({ guestPort }) => guestPort === forward.guestPort))
    throw new InvalidArgumentError(`Port ${guest} of the machine is forwarded already.`);
  return [...kept, forward];
}

function port(text: string): number {
  const number = Number(text);
  if (text !== '' && number >= 1 && number <= 65_535) return number;
  throw new InvalidArgumentError('Write HOST:GUEST or GUEST, two ports from 1 to 65535.');
}
