/**
 * One command's run as the user sees it: which view shows its events, where its words go, and how
 * its failure is told.
 */
import { isAbsolute, relative, resolve } from 'node:path';
import type { BuildEvent, BuildFailure, Emit, StageName } from '../pipeline/events.ts';
import type { PvmcError } from '../system/error.ts';
import type { Terminal } from './console-bridge.ts';
import { EXIT_SUCCESS } from './exit-status.ts';
import { type Failure, failureOf, renderFailure } from './failure-screen.ts';
import { type Interruption, OUTPUT_CLOSED } from './interruption.ts';
import type { Program } from './program.ts';
import { makeStyle, type Style } from './style.ts';
import {
  type Abilities,
  abilitiesOf,
  lineWidthOf,
  type OutputStream,
  type Surroundings,
} from './surroundings.ts';
import { JSON_FORMAT, type JsonLines, JsonView, makeJsonLines } from './views/json.ts';
import { LiveView } from './views/live.ts';
import { PlainView } from './views/plain.ts';
import type { View } from './views/view.ts';

/** The options that every command takes. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly plain?: boolean;
  readonly verbose?: boolean;
  readonly color?: boolean;
  readonly cache?: string;
}

export interface Dependencies {
  readonly program: Program;
  readonly surroundings: Surroundings;
  readonly interruption: Interruption;
}

export interface Work<T> {
  /** The header until the run has said what it is. */
  readonly title: string;
  /** Stages that the run was told to leave out. */
  readonly without?: readonly StageName[];
  readonly run: (emit: Emit, signal: AbortSignal) => Promise<T>;
}

export class Session {
  readonly program: Program;
  readonly globals: GlobalOptions;
  readonly style: Style;
  readonly workingFolder: string;
  /** The columns that a line on standard output may have; infinite where nothing is to be broken. */
  readonly lineWidth: number;
  /** Whether the user watches the stages in a terminal, or has read them as lines. */
  readonly times: 'seen' | 'untold';
  /** A path below the working folder as the user would write it. */
  readonly shorten = (path: string): string => {
    const short = relative(this.workingFolder, path);
    return short === '' || short.startsWith('..') || isAbsolute(short) ? path : short;
  };
  readonly #surroundings: Surroundings;
  readonly #interruption: Interruption;
  readonly #json: JsonLines | undefined;
  /** What the program ends with when nothing fails; a command in the guest has a status of its own. */
  exitStatus: number = EXIT_SUCCESS;
  #failure: BuildFailure | undefined;
  #watched = false;

  constructor(dependencies: Dependencies, globals: GlobalOptions, command: string) {
    const { program, surroundings, interruption } = dependencies;
    this.program = program;
    this.globals = globals;
    this.workingFolder = surroundings.workingFolder;
    this.lineWidth = lineWidthOf(surroundings.stdout);
    this.#surroundings = surroundings;
    this.#interruption = interruption;
    const abilities = this.#abilities(surroundings.stdout);
    this.style = makeStyle(abilities);
    this.times = abilities.live ? 'seen' : 'untold';
    if (globals.json !== true) return;
    this.#json = makeJsonLines({
      header: { type: 'started', format: JSON_FORMAT, pvmc: program.version, command },
      write: (text) => surroundings.stdout.write(text),
      now: surroundings.now,
    });
  }

  /** Does the work while its events are shown. */
  async watch<T>({ title, without = [], run }: Work<T>): Promise<T> {
    const view = this.#openView(title, without);
    this.#watched = true;
    const emit = (event: BuildEvent) => {
      if (event.type === 'build-failed') this.#failure = event.failure;
      view.show(event);
    };
    this.#interruption.tell((line) => emit({ type: 'notice', line }));
    try {
      return await run(emit, this.#interruption.signal);
    } finally {
      this.#interruption.tell(() => {});
      view.close();
    }
  }

  /** The outcome: lines for people, one object of this type with `--json`. */
  conclude(lines: readonly string[], type: string, facts: object): void {
    if (this.#json) this.#json.write({ type, ...facts });
    else this.print(lines);
  }

  /** Lines for people; nothing with `--json`. */
  print(lines: readonly string[]): void {
    if (this.#json) return;
    this.#surroundings.stdout.write(lines.map((line) => `${line}\n`).join(''));
  }

  /** The run is to end, with this reason. */
  get signal(): AbortSignal {
    return this.#interruption.signal;
  }

  get isJson(): boolean {
    return this.#json !== undefined;
  }

  /** The terminal that the user sits at; undefined unless input and output are one. */
  get terminal(): Terminal | undefined {
    const { stdin, stdout } = this.#surroundings;
    return stdin.isTTY === true && stdout.isTTY === true && !this.#json
      ? { input: stdin, output: stdout }
      : undefined;
  }

  /** A line for people beside what is printed for other programs; nothing with `--json`. */
  remark(line: string): void {
    if (!this.#json) this.#surroundings.stderr.write(`${line}\n`);
  }

  /** Text as it is, for other programs to read. */
  write(text: string | Uint8Array): void {
    this.#surroundings.stdout.write(text);
  }

  /** Tells a failure: the screen on standard error, or one object, once. */
  fail(error: PvmcError): void {
    if (error.code === OUTPUT_CLOSED) return;
    const { stderr } = this.#surroundings;
    const known = this.#failure?.code === error.code ? this.#failure : undefined;
    if (this.#json) {
      if (known === undefined) this.#json.write({ type: 'error', ...failureOf(error) });
      return;
    }
    const failure: Failure = known ? { ...known, kind: error.kind } : failureOf(error);
    const style = makeStyle(this.#abilities(stderr));
    const lines = renderFailure(failure, { columns: lineWidthOf(stderr), style });
    // Apart from the run that came before it.
    const gap = this.#watched ? '\n' : '';
    stderr.write(`${gap}${lines.join('\n')}\n`);
  }

  /** Where `--cache` wants what is kept between builds; undefined for the usual place. */
  cacheFolder(): string | undefined {
    const { cache } = this.globals;
    return cache === undefined ? undefined : resolve(this.workingFolder, cache);
  }

  #openView(title: string, without: readonly StageName[]): View {
    const { stdout, now } = this.#surroundings;
    const log = this.globals.verbose === true ? 'shown' : 'hidden';
    if (this.#json) return new JsonView(this.#json, now);
    if (this.#abilities(stdout).live)
      return new LiveView({ stream: stdout, now, style: this.style, title, log, without });
    return new PlainView({ write: (text) => stdout.write(text), now, log });
  }

  #abilities(stream: OutputStream): Abilities {
    const { live, colour, unicode } = abilitiesOf(stream, this.#surroundings.env);
    return {
      live: live && this.globals.plain !== true,
      colour: colour && this.globals.color !== false,
      unicode,
    };
  }
}
