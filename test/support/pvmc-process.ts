/** pvmc as its users run it: the launcher, as a process of its own, with `--json` to read what it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from './repository-files.ts';

/** One object of the event stream. */
export interface Said {
  readonly type: string;
  readonly [key: string]: unknown;
}

export interface Ended {
  readonly status: number | null;
  readonly said: readonly Said[];
  readonly stderr: string;
  /** The most memory that the program itself ever held, in bytes. */
  readonly peakBytes: number;
}

export class PvmcProcess {
  readonly said: Said[] = [];
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #waiting: { readonly matches: (said: Said) => boolean; readonly resolve: () => void }[] =
    [];
  #stderr = '';
  #peakBytes = 0;

  /**
   * @param through a program that starts pvmc, with its arguments
   * @param clone the copy of the project that is run
   */
  constructor(args: readonly string[], through: readonly string[] = [], clone = ROOT) {
    const command = [...through, join(clone, 'pvmc'), ...args, '--json'];
    this.#child = spawn(command[0] ?? '', command.slice(1), {
      cwd: clone,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { stdout, stderr } = this.#child;
    stderr?.on('data', (text: Buffer) => (this.#stderr += text.toString()));
    if (stdout) createInterface({ input: stdout }).on('line', (line) => this.#hear(line));
    const sampling = setInterval(() => this.#sample(), 500);
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (status) => {
        clearInterval(sampling);
        for (const { resolve: release } of this.#waiting) release();
        const { said } = this;
        resolve({ status, said, stderr: this.#stderr, peakBytes: this.#peakBytes });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when the program says it, or has ended. */
  async until(matches: (said: Said) => boolean): Promise<void> {
    if (this.said.some(matches)) return;
    await new Promise<void>((resolve) => this.#waiting.push({ matches, resolve }));
  }

  #hear(line: string): void {
    const said = JSON.parse(line) as Said;
    this.said.push(said);
    for (const { matches, resolve } of this.#waiting) if (matches(said)) resolve();
  }

  #sample(): void {
    try {
      const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
      const kibibytes = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
      this.#peakBytes = Math.max(this.#peakBytes, kibibytes * 1024);
    } catch {
      // It has just ended.
    }
  }
}

/** What still runs with a word of this in its command line: nothing of a build that is over. */
export function processesNaming(word: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return words.includes(word) ? [words] : [];
      } catch {
        return [];
      }
    });
}

/** Mount points below a folder. */
export function mountsBelow(folder: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(folder));
}
