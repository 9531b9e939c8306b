/**
 * The user's terminal and a machine's console as one: every key goes to the guest, Ctrl-C too, and
 * what the guest prints is shown as it comes. Ctrl-] ends it, as in telnet and virsh.
 */
import type { SerialLine } from '../hypervisors/hypervisor.ts';
import type { InputStream, OutputStream } from './surroundings.ts';

export interface Terminal {
  readonly input: InputStream;
  readonly output: OutputStream;
}

/** Ctrl-]. */
const END_KEY = 0x1d;

/**
 * What a guest may have left behind: the alternate screen, modes and colours, a hidden cursor, lines
 * that do not wrap. (DECSTR resets the rest, scrolling regions among it.)
 */
const RESET = '\u001b[?47l\u001b[!p\u001b[0m\u001b[?25h\u001b[?7h\u001b[?2004l\r\n';

/** Resolves when the user or the console has ended it; the terminal is then as it was. */
export async function bridgeConsole(
  console: SerialLine,
  { input, output }: Terminal,
): Promise<'user' | 'console'> {
  let leave: () => void = () => {};
  const left = new Promise<'user'>((resolve) => {
    leave = () => resolve('user');
  });
  const onKeys = (keys: Buffer) => {
    const end = keys.indexOf(END_KEY);
    if (end !== 0) console.write(end < 0 ? keys : keys.subarray(0, end));
    if (end >= 0) leave();
  };
  input.setRawMode?.(true);
  input.on('data', onKeys);
  input.on('end', leave);
  input.resume();
  try {
    return await Promise.race([left, show(console, output)]);
  } finally {
    input.off('data', onKeys);
    input.off('end', leave);
    input.pause();
    input.setRawMode?.(false);
    output.write(RESET);
  }
}

async function show(console: SerialLine, output: OutputStream): Promise<'console'> {
  for await (const bytes of console) output.write(bytes);
  return 'console';
}

/** For a user who has no terminal, and looks at the screen: the guest must not be held up. */
export async function drainConsole(console: SerialLine): Promise<'console'> {
  for await (const _ of console);
  return 'console';
}
