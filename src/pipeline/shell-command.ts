/**
 * Runs one command in the root shell that the medium starts on the console, for who has no terminal.
 * The command and the little script around it come as credentials; all that is typed is one short line
 * that starts them. The output comes over the link, which nothing else uses then, between two marks.
 */
import { ConsoleReader } from '../console/console-reader.ts';
import { signOfLoss } from '../console/console-watch.ts';
import type { RunningMachine, SerialLine } from '../hypervisors/hypervisor.ts';
import { Deadline } from '../link/deadline.ts';
import { plainText } from '../system/plain-text.ts';
import { endedWithoutVerdict, lostGuest } from './guest-failure.ts';
import { aborted } from './stage-runner.ts';

export interface ShellCommand {
  readonly running: Pick<RunningMachine, 'link' | 'stopped'>;
  readonly console: SerialLine;
  readonly consoleLogPath: string;
  /** How long it may take until the command begins. */
  readonly limitSeconds: number;
  readonly onOutput: (bytes: Uint8Array) => void;
  readonly signal: AbortSignal;
}

const COMMAND_CREDENTIAL = 'pvmc.command';
const SCRIPT_CREDENTIAL = 'pvmc.command-script';
/** Where systemd puts credentials for the whole system. */
const CREDENTIALS = '/run/credentials/@system';

const SEPARATOR = 0x1e;
const BEGIN = '\u001epvmc-begin\n';
const END = '\u001epvmc-end ';
/** With a status of three digits and its newline. */
const LONGEST_END = END.length + 4;

const SCRIPT = `exec 3<>/dev/ttyS1
stty raw -echo <&3
printf '\\036pvmc-begin\\n' >&3
bash ${CREDENTIALS}/${COMMAND_CREDENTIAL} </dev/null >&3 2>&1
printf '\\036pvmc-end %d\\n' $? >&3
`;

/** What the machine has to be given for the command. */
export function shellCredentials(command: string): Readonly<Record<string, string>> {
  return { [COMMAND_CREDENTIAL]: command, [SCRIPT_CREDENTIAL]: SCRIPT };
}

/** Returns the command's exit status. @throws PvmcError when the guest does not come as far, or ends. */
export async function runInShell(options: ShellCommand): Promise<number> {
  const { running, console, signal } = options;
  const over = new AbortController();
  using deadline = new Deadline({
    what: "the guest's boot",
    limitSeconds: options.limitSeconds,
    signal,
  });
  const output = new ShellOutput(options.onOutput, () => deadline.dispose());
  try {
    return await Promise.race([
      readOutput(running, output),
      type(console, `bash ${CREDENTIALS}/${SCRIPT_CREDENTIAL}\n`),
      failure(options, over.signal),
      aborted(deadline.signal),
    ]);
  } finally {
    over.abort();
  }
}

async function readOutput(running: ShellCommand['running'], output: ShellOutput): Promise<number> {
  for await (const bytes of running.link) {
    const status = output.take(bytes);
    if (status !== undefined) return status;
  }
  // How the machine ended is told by `failure`.
  return never();
}

/** Types a line once the shell asks for one. Resolves never: what comes of it is seen on the link. */
async function type(console: SerialLine, line: string): Promise<never> {
  let last = '';
  let typed = false;
  for await (const bytes of console) {
    last = (last + Buffer.from(bytes).toString('latin1')).slice(-LONGEST_PROMPT);
    if (typed || !PROMPT.test(plainText(last))) continue;
    typed = true;
    console.write(line);
  }
  return never();
}

const LONGEST_PROMPT = 200;
const PROMPT = /\w+@[\w-]+:\S*# $/;

/** Rejects when the machine ends or its console shows that it is lost. */
async function failure(
  { running, consoleLogPath }: ShellCommand,
  signal: AbortSignal,
): Promise<never> {
  const reader = await ConsoleReader.fromNow(consoleLogPath);
  const sign = await Promise.race([
    signOfLoss({ reader, wordsHeard: () => 0, signal }),
    running.stopped.then(() => undefined),
  ]);
  if (signal.aborted) return never();
  await reader.read();
  throw sign
    ? lostGuest(sign, reader.recent)
    : endedWithoutVerdict(await running.stopped, reader.recent);
}

function never(): Promise<never> {
  return new Promise(() => {});
}

/** Finds what is between the marks. */
export class ShellOutput {
  readonly #onOutput: (bytes: Uint8Array) => void;
  readonly #onBegin: () => void;
  #begun = false;
  /** What may be the beginning of a mark. */
  #pending: Buffer = Buffer.alloc(0);

  constructor(onOutput: (bytes: Uint8Array) => void, onBegin: () => void) {
    this.#onOutput = onOutput;
    this.#onBegin = onBegin;
  }

  /** The exit status, when these bytes hold the last mark. */
  take(bytes: Uint8Array): number | undefined {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    if (!this.#begun && !this.#begin()) return undefined;
    for (;;) {
      const mark = this.#pending.indexOf(SEPARATOR);
      this.#pass(mark < 0 ? this.#pending.length : mark);
      if (mark < 0) return undefined;
      const text = this.#pending.toString('latin1', 0, LONGEST_END);
      const [, status] = /^(\d+)\n/.exec(text.slice(END.length)) ?? [];
      if (text.startsWith(END) && status !== undefined) return Number(status);
      // Half a mark is waited for; another separator belongs to the output.
      if (text.length < LONGEST_END && END.startsWith(text.slice(0, END.length))) return undefined;
      this.#pass(1);
    }
  }

  #begin(): boolean {
    const start = this.#pending.indexOf(BEGIN);
    if (start < 0) {
      this.#pending = this.#pending.subarray(-BEGIN.length);
      return false;
    }
    this.#begun = true;
    this.#pending = this.#pending.subarray(start + BEGIN.length);
    this.#onBegin();
    return true;
  }

  #pass(count: number): void {
    if (count > 0) this.#onOutput(this.#pending.subarray(0, count));
    this.#pending = this.#pending.subarray(count);
  }
}
