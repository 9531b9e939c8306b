/**
 * What VBox.log, the log of a running machine, tells of its fate. VBoxManage knows only the state: that a
 * machine is off, not that its guest has switched it off.
 */
import { open } from 'node:fs/promises';
import type { MachineEvent } from '../hypervisor.ts';

const NEWS: readonly {
  readonly said: RegExp;
  readonly event: (match: RegExpExecArray) => MachineEvent;
}[] = [
  {
    said: /ACPI: Entering S5 power state/,
    event: () => ({ type: 'stopped', by: 'guest' }),
  },
  {
    said: /Changing the VM state from '\w+' to 'RESETTING/,
    event: () => ({ type: 'reset' }),
  },
  {
    said: /Changing the VM state from '\w+' to 'GURU_MEDITATION/,
    event: () => ({
      type: 'crashed',
      reason: 'VirtualBox cannot go on (guru meditation); VBox.log tells why',
    }),
  },
  {
    said: /VM runtime error: .*errorID=(?:DrvVD|BLKCACHE)_(\w+).*message="([^"]*)/,
    event: ([, id = '', message = '']) => ({
      type: 'disk-error',
      reason:
        id === 'DISKFULL' ? 'no space is left on the host for the disk of the machine' : message,
    }),
  },
];

/** What a line tells, if it tells anything. */
export function newsOf(line: string): MachineEvent | undefined {
  for (const { said, event } of NEWS) {
    const match = said.exec(line);
    if (match) return event(match);
  }
  return undefined;
}

/** The process that runs the machine, from a line of its log. */
export function processOf(line: string): number | undefined {
  const match = /Process ID: (\d+)/.exec(line);
  return match ? Number(match[1]) : undefined;
}

/** Reads a growing log, each time only what has come since. */
export class LogReader {
  readonly #path: string;
  #offset = 0;
  #rest = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** The whole lines since the last time; none while there is no log. */
  async newLines(): Promise<readonly string[]> {
    const file = await open(this.#path).catch(() => undefined);
    if (!file) return [];
    try {
      const { size } = await file.stat();
      if (size <= this.#offset) return [];
      const { buffer, bytesRead } = await file.read({
        buffer: Buffer.alloc(size - this.#offset),
        position: this.#offset,
      });
      this.#offset += bytesRead;
      const lines = (this.#rest + buffer.toString('latin1', 0, bytesRead)).split('\n');
      this.#rest = lines.pop() ?? '';
      return lines;
    } finally {
      await file.close();
    }
  }
}
