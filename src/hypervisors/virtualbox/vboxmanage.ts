/**
 * Runs VBoxManage and knows its manners: it may fail with exit status 0, so its words count too; a machine
 * that is just changing its state refuses what it accepts a moment later; and when its server (VBoxSVC)
 * hangs, it waits for ever unless somebody ends it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PvmcError } from '../../system/error.ts';
import { commandLine, type RunResult, run } from '../../system/run.ts';
import { type Dialect, dialectOf } from './dialect.ts';

export interface ManageOptions {
  readonly signal?: AbortSignal | undefined;
  readonly log?: ((line: string, origin: string) => void) | undefined;
  /** How long the call may take; generous unless told. */
  readonly limitSeconds?: number;
  /** `SIGINT` makes VBoxManage call off what VirtualBox's server does for it, where it can. */
  readonly endWith?: 'SIGTERM' | 'SIGINT';
}

/** What VBoxManage said when it failed. */
export class ManageFailure extends PvmcError {
  /** Its own words, without the program's name: the first line says what, others say where. */
  readonly said: readonly string[];

  constructor(argv: readonly string[], said: readonly string[]) {
    super({
      kind: 'machine',
      code: 'vboxmanage-failed',
      message: `VBoxManage ${argv[1] ?? ''} failed: ${said[0] ?? 'it gave no reason'}`,
      hint: `To repeat it: ${commandLine(argv)}`,
      details: said.slice(1),
    });
    this.said = said;
  }

  says(pattern: RegExp): boolean {
    return this.said.some((line) => pattern.test(line));
  }
}

const LIMIT_SECONDS = 120;
/** Of a machine whose state is just changing; the second is said when its session is just being closed. */
const IN_CHANGE = /VBOX_E_INVALID_OBJECT_STATE|^The object is not ready/;
const TRIES = 10;
const PAUSE_MILLISECONDS = 500;
/** An isolated VirtualBox is found by these; our clean environment would hide it. */
const OWN_VARIABLES = ['VBOX_USER_HOME', 'VBOX_IPC_SOCKETID'];

export class VBoxManage {
  readonly program: string;
  #dialect: Promise<Dialect> | undefined;

  constructor(program: string) {
    this.program = program;
  }

  /** @throws PvmcError `virtualbox-too-old`, `virtualbox-broken`, … */
  dialect(): Promise<Dialect> {
    this.#dialect ??= this.run(['--version']).then(({ stdout }) => dialectOf(stdout));
    return this.#dialect;
  }

  /**
   * Runs one command; one that meets a machine in the middle of a change is repeated.
   * @throws ManageFailure; PvmcError `virtualbox-silent`, `program-missing`; the signal's reason.
   */
  async run(args: readonly string[], options: ManageOptions = {}): Promise<RunResult> {
    for (let tried = 1; ; tried += 1) {
      try {
        return await this.#once(args, options);
      } catch (thrown) {
        const passing = thrown instanceof ManageFailure && thrown.says(IN_CHANGE);
        if (!passing || tried === TRIES) throw thrown;
        await sleep(PAUSE_MILLISECONDS);
      }
    }
  }

  async #once(
    args: readonly string[],
    { signal, log, limitSeconds = LIMIT_SECONDS, endWith }: ManageOptions,
  ): Promise<RunResult> {
    const argv = [this.program, ...args];
    log?.(commandLine(argv), 'vboxmanage');
    const limit = AbortSignal.timeout(limitSeconds * 1000);
    try {
      const result = await run(argv, {
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
        env: ownEnvironment(),
        accept: ANY_STATUS,
        endWith,
        log,
      });
      const said = errorLines(result.stderr);
      if (result.status !== 0 || said.length > 0) throw new ManageFailure(argv, said);
      return result;
    } catch (thrown) {
      if (signal?.aborted !== true && limit.aborted) throw silent(argv, limitSeconds);
      throw thrown;
    }
  }
}

/** Its words are read before its exit status. */
const ANY_STATUS = Array.from({ length: 256 }, (_, status) => status);

function ownEnvironment(): Record<string, string> {
  const found = OWN_VARIABLES.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(
    found.filter((entry): entry is readonly [string, string] => entry[1] !== undefined),
  );
}

/** `VBoxManage: error: …`, on Windows `VBoxManage.exe: error: …`; progress and warnings have no such mark. */
function errorLines(stderr: string): readonly string[] {
  const mark = /^VBoxManage(?:\.exe)?: error: /;
  return stderr
    .split(/\r?\n/)
    .filter((line) => mark.test(line))
    .map((line) => line.replace(mark, ''));
}

function silent(argv: readonly string[], limitSeconds: number): PvmcError {
  return new PvmcError({
    kind: 'machine',
    code: 'virtualbox-silent',
    message: `VirtualBox did not answer VBoxManage ${argv[1] ?? ''} in ${limitSeconds} s`,
    hint: `Its server may hang: end all its programs (VBoxSVC is the server), then try\n${commandLine(argv)}`,
  });
}
