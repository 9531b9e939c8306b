/** One program that takes exports, and what is known when it has tried one. */
import { commandLine, type RunOptions, type RunResult, run } from '../../src/system/run.ts';
import type { Exported } from './exports.ts';

export interface Importer {
  /** The head of its column, and how it is called on the command line. */
  readonly name: string;
  /** The program and its version; undefined where it is not installed. */
  readonly version: () => Promise<string | undefined>;
  /** Tries one; undefined where there is nothing that it could be asked. */
  readonly attempt: (exported: Exported, trial: Trial) => Promise<string> | undefined;
  /** Ends what it has started. */
  readonly close?: () => Promise<void>;
}

/** What one attempt may use, and the commands that it has run. */
export class Trial {
  readonly commands: string[] = [];
  readonly disk: string;
  /** Empty, and removed afterwards. */
  readonly folder: string;
  readonly signal: AbortSignal;

  constructor(disk: string, folder: string, signal: AbortSignal) {
    this.disk = disk;
    this.folder = folder;
    this.signal = signal;
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    this.note(argv);
    return run(argv, { ...options, signal: this.signal });
  }

  note(argv: readonly string[]): void {
    this.commands.push(commandLine(argv));
  }

  /** That an image holds the build's disk; zeros behind its end do not count. */
  async compare(image: string, format: string): Promise<void> {
    await this.run(['qemu-img', 'compare', '-f', 'raw', '-F', format, this.disk, image]);
  }
}

/** The first line that a program says of its version; undefined where there is no such program. */
export async function versionOf(...argv: readonly string[]): Promise<string | undefined> {
  const said = await run(argv).catch(() => undefined);
  return said?.stdout.split('\n', 1)[0]?.trim();
}
