/**
 * pvmc as somebody sees it whose terminal cannot draw (`TERM=dumb`): the launcher as a process of its
 * own, what it says line by line, and how it ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './repository-files.ts';

export interface PlainRunOptions {
  readonly arguments: readonly string[];
  readonly workingFolder: string;
  /** Added to this process's own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A program that starts pvmc, with its arguments. */
  readonly through?: readonly string[];
}

/** What the screen of a failed run says, read back. */
export interface ReadScreen {
  /** The sentence behind the cross, with the stage and the step; of an interrupted run, the notice. */
  readonly heading: string;
  /** Empty for an interrupted run. */
  readonly code: string;
}

export class PlainRun {
  /** Resolves with the exit status; null when a signal ended the process. */
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  #screen = '';
  #over = false;
  #changed = new AbortController();

  constructor({ arguments: args, workingFolder, environment, through = [] }: PlainRunOptions) {
    const [program = '', ...rest] = [...through, join(ROOT, 'pvmc'), ...args];
    this.#child = spawn(program, rest, {
      cwd: workingFolder,
      env: { ...process.env, TERM: 'dumb', LC_ALL: 'C.UTF-8', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (text: Buffer) => this.#hear(text.toString()));
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (status) => {
        this.#over = true;
        this.#hear('');
        resolve(status);
      });
    });
  }

  /** Whether it has ended. */
  get over(): boolean {
    return this.#over;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Everything that was said so far, on both streams. */
  get screen(): string {
    return this.#screen;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /**
   * Resolves when it has been said, at `from` or behind it.
   * @throws when the program has ended without it, or the deadline has passed.
   */
  async until(said: RegExp, { from = 0, seconds = 1800 } = {}): Promise<void> {
    const deadline = AbortSignal.timeout(seconds * 1000);
    while (!said.test(this.#screen.slice(from))) {
      if (this.#over) throw new Error(`ended without ${said}:\n${this.#screen}`);
      if (deadline.aborted) throw new Error(`${said} not within ${seconds} s:\n${this.#screen}`);
      await aborted(AbortSignal.any([deadline, this.#changed.signal]));
    }
  }

  #hear(text: string): void {
    this.#screen += text;
    this.#changed.abort();
    this.#changed = new AbortController();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** @throws when the screen tells no failure. */
export function readScreen(screen: string): ReadScreen {
  const [, failed] = /^✗ (.*)$/m.exec(screen) ?? [];
  const [, interrupted] = /^! (.*)$/m.exec(screen) ?? [];
  const [, code = ''] = /^ {2}error +(\S+) \(exit status \d+\)$/m.exec(screen) ?? [];
  const heading = failed ?? interrupted;
  if (heading === undefined) throw new Error(`this tells no failure:\n${screen}`);
  return { heading, code };
}
