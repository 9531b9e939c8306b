/** The guest's console as the host has it: a file that grows. */
import { open, stat } from 'node:fs/promises';
import { plainText } from '../system/plain-text.ts';

/** The end of the log is read no further back than this: a guest may fill it without end. */
const TAIL_BYTES = 64 * 1024;

export class ConsoleLog {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** 0 while there is none yet. */
  async sizeBytes(): Promise<number> {
    return stat(this.path).then(
      ({ size }) => size,
      () => 0,
    );
  }

  /** Its last lines, without the empty ones and without what steers a terminal. */
  async lines(): Promise<readonly string[]> {
    const size = await this.sizeBytes();
    if (size === 0) return [];
    await using file = await open(this.path);
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, size - buffer.length);
    return consoleLines(buffer.toString('utf8', 0, bytesRead));
  }
}

const ESCAPE = String.fromCodePoint(27);
/** A firmware moves its cursor where others end a line. */
const CURSOR_MOVE = new RegExp(`${ESCAPE}\\[[\\d;]*[Hf]`, 'g');
/** Every other control sequence (ECMA-48), those with private parameters like `=3h` among them. */
const CONTROL_SEQUENCE = new RegExp(`${ESCAPE}\\[[0-?]*[ -/]*[@-~]`, 'g');

export function consoleLines(text: string): readonly string[] {
  return text
    .replace(CURSOR_MOVE, '\n')
    .replace(CONTROL_SEQUENCE, '')
    .split(/[\r\n]+/)
    .map((line) => plainText(line).trim())
    .filter((line) => line !== '');
}
