/**
 * The one place that starts programs: an argv array, never a shell string; a clean environment; no
 * standard input; every line logged with its origin. The whole process group ends when the signal
 * aborts, and a failure shows the command as it can be pasted into a shell.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { FileHandle } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { type ErrorKind, PvmcError, systemCodeOf } from './error.ts';
import { guardGroup, signalGroup } from './process-groups.ts';

export { signalGroup };

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Takes each line of output as it comes. */
  readonly log?: ((line: string, origin: string) => void) | undefined;
  /** Added to the clean environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  /** Written to the program's standard input, which is then closed. */
  readonly input?: string | Uint8Array | undefined;
  /** The kind of error that a failure is; `host` unless told. */
  readonly kind?: ErrorKind | undefined;
  /** What ends it when the signal aborts; SIGTERM unless told. What does not heed it is killed. */
  readonly endWith?: 'SIGTERM' | 'SIGINT' | undefined;
  /** Exit statuses that are no failure; 0 unless told. */
  readonly accept?: readonly number[] | undefined;
}

export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** Output kept of a program, in UTF-16 units; the rest still goes to the log. */
const KEPT_OUTPUT = 64 * 2 ** 20;
const GRACE_MILLISECONDS = 3000;

/**
 * Runs a program to its end.
 * @throws PvmcError `program-missing` when it is not there, `program-failed` when its exit status is
 * not an accepted one; the signal's reason when it was aborted.
 */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return resultOf(startWithInput(argv, options), argv, options);
}

/** Output that a program may give as bytes; one that gives more is not what was meant. */
const MOST_BYTES = 2 ** 20;

/**
 * The same for a program whose output is no text: all of it, and nothing of it is logged.
 * @throws as `run`; a program that writes more than a mebibyte has failed
 */
export async function runForBytes(
  argv: readonly string[],
  options: RunOptions = {},
): Promise<Buffer> {
  const child = startWithInput(argv, options);
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MOST_BYTES) chunks.push(chunk);
    else child.stdout?.destroy();
  });
  const stderr = collect(child.stderr, (line) => options.log?.(line, programName(argv)));
  const status = await exitOf(child, argv, options);
  const result = { stdout: '', stderr: await stderr, status };
  if (!(options.accept ?? [0]).includes(status) || size > MOST_BYTES)
    throw failure(argv, result, options.kind);
  return Buffer.concat(chunks);
}

/**
 * Runs two programs, the output of the first being the input of the second, to their ends. Nothing
 * passes through this process.
 * @returns the second's result. @throws as `run`, for whichever fails; the first one's failure counts
 * when both do, since it is the cause.
 */
export async function runPipe(
  producer: readonly string[],
  consumer: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  options.signal?.throwIfAborted();
  const first = start(producer, { ...options, input: undefined });
  const second = start(consumer, options, { input: first.stdout ?? undefined });
  // Ours is a duplicate: the second program sees the end only when no other copy is open.
  first.stdout?.destroy();
  const [produced, consumed] = await Promise.allSettled([
    resultOf(first, producer, options),
    resultOf(second, consumer, options),
  ]);
  if (produced.status === 'rejected') throw produced.reason;
  if (consumed.status === 'rejected') throw consumed.reason;
  return consumed.value;
}

/**
 * Runs a program that reads `input` and writes to `output`, a file that is open, where that stands. A chunk
 * of input is no longer used when the next one is asked for.
 * @throws as `run`; what `input` throws, once the program has ended
 */
export async function runFilter(
  argv: readonly string[],
  streams: { readonly input: AsyncIterable<Uint8Array>; readonly output: FileHandle },
  options: Omit<RunOptions, 'input'> = {},
): Promise<void> {
  options.signal?.throwIfAborted();
  const ending = new AbortController();
  const signals = options.signal ? [options.signal, ending.signal] : [ending.signal];
  const ended = { ...options, input: '', signal: AbortSignal.any(signals) };
  const child = start(argv, ended, { output: streams.output.fd });
  const done = resultOf(child, argv, ended);
  const fed = feed(child, streams.input).catch((thrown: unknown) => ending.abort(thrown));
  try {
    await done;
  } finally {
    child.stdin?.destroy();
    await fed;
  }
}

/** A command as it can be pasted into a shell. */
export function commandLine(argv: readonly string[]): string {
  return argv.map(quote).join(' ');
}

/** The environment that programs get: where to find others, who we are, and one language. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept: NodeJS.ProcessEnv = {};
  for (const name of KEPT_VARIABLES) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  const path = `${kept['PATH'] ?? '/usr/bin:/bin'}:/usr/sbin:/sbin`;
  return { ...kept, PATH: path, LC_ALL: 'C.UTF-8', ...extra };
}

const KEPT_VARIABLES = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'TMPDIR',
  'XDG_RUNTIME_DIR',
  'http_proxy',
  'https_proxy',
  'no_proxy',
];

async function resultOf(
  child: ChildProcess,
  argv: readonly string[],
  options: RunOptions,
): Promise<RunResult> {
  const origin = programName(argv);
  const stdout = collect(child.stdout, (line) => options.log?.(line, origin));
  const stderr = collect(child.stderr, (line) => options.log?.(line, origin));
  const status = await exitOf(child, argv, options);
  const result = { stdout: await stdout, stderr: await stderr, status };
  if (!(options.accept ?? [0]).includes(status)) throw failure(argv, result, options.kind);
  return result;
}

function startWithInput(argv: readonly string[], options: RunOptions): ChildProcess {
  options.signal?.throwIfAborted();
  const child = start(argv, options);
  if (child.stdin) {
    // A program that ends before it has read everything says so with its exit status.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
  }
  return child;
}

interface Ends {
  readonly input?: Readable | undefined;
  readonly output?: number;
}

function start(argv: readonly string[], options: RunOptions, ends: Ends = {}): ChildProcess {
  const [program, ...args] = argv;
  if (program === undefined) throw new TypeError('an empty command');
  return spawn(program, args, {
    detached: true,
    env: cleanEnvironment(options.env),
    cwd: options.cwd,
    stdio: [
      ends.input ?? (options.input === undefined ? 'ignore' : 'pipe'),
      ends.output ?? 'pipe',
      'pipe',
    ],
  });
}

/** Hands on one chunk after the other, each when the one before is in the pipe. */
async function feed({ stdin }: ChildProcess, input: AsyncIterable<Uint8Array>): Promise<void> {
  if (!stdin) return;
  // A program that ends before it has read everything says so with its exit status.
  stdin.on('error', () => {});
  for await (const chunk of input) {
    if (!stdin.writable) return;
    await new Promise<void>((resolve) => {
      stdin.write(chunk, () => resolve());
    });
  }
  stdin.end();
}

function exitOf(
  child: ChildProcess,
  argv: readonly string[],
  options: RunOptions,
): Promise<number> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    let linger: NodeJS.Timeout | undefined;
    const unguard = child.pid === undefined ? () => {} : guardGroup(child.pid);
    const stop = () => {
      if (child.pid === undefined) return;
      const { pid } = child;
      signalGroup(pid, options.endWith ?? 'SIGTERM');
      timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), GRACE_MILLISECONDS);
    };
    options.signal?.addEventListener('abort', stop, { once: true });
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      clearTimeout(linger);
      unguard();
      options.signal?.removeEventListener('abort', stop);
      if (options.signal?.aborted) reject(options.signal.reason);
      else finish();
    };
    // What it has left running holds its output open, and would be waited for.
    child.on('exit', () => {
      linger = setTimeout(() => {
        if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
        child.stdout?.destroy();
        child.stderr?.destroy();
      }, GRACE_MILLISECONDS);
    });
    child.on('error', (thrown) => settle(() => reject(cannotStart(argv, thrown))));
    child.on('close', (code, signal) => settle(() => resolve(code ?? 128 + signalNumber(signal))));
  });
}

async function collect(stream: Readable | null, line: (text: string) => void): Promise<string> {
  if (!stream || stream.destroyed) return '';
  const kept: string[] = [];
  let size = 0;
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  stream.once('close', () => lines.close());
  for await (const text of lines) {
    line(text);
    size += text.length + 1;
    if (size <= KEPT_OUTPUT) kept.push(text);
  }
  return kept.join('\n');
}

function cannotStart(argv: readonly string[], thrown: Error): PvmcError {
  const missing = systemCodeOf(thrown) === 'ENOENT';
  return new PvmcError({
    kind: 'host',
    code: missing ? 'program-missing' : 'program-failed',
    message: missing
      ? `the program ${programName(argv)} is not installed`
      : `${programName(argv)} could not be started: ${thrown.message}`,
    hint: missing ? 'Run ./pvmc once: it installs what is missing.' : commandLine(argv),
    cause: thrown,
  });
}

function failure(argv: readonly string[], result: RunResult, kind: ErrorKind = 'host'): PvmcError {
  const said = (result.stderr.trim() === '' ? result.stdout : result.stderr).trim();
  return new PvmcError({
    kind,
    code: 'program-failed',
    message: `${programName(argv)} failed with exit status ${result.status}`,
    details: said === '' ? [] : said.split('\n').slice(-20),
    hint: `To repeat it: ${commandLine(argv)}`,
  });
}

function programName(argv: readonly string[]): string {
  return (argv[0] ?? '').split('/').at(-1) ?? '';
}

function signalNumber(signal: NodeJS.Signals | null): number {
  const numbers: Partial<Record<NodeJS.Signals, number>> = {
    SIGKILL: 9,
    SIGTERM: 15,
    SIGINT: 2,
    SIGSEGV: 11,
  };
  return signal === null ? 0 : (numbers[signal] ?? 0);
}

function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}
