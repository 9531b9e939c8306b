/**
 * One run of the constructor as others see it: its words go to the console, to the log and, in a build,
 * to the host on the link; its end is a verdict.
 */
import { setMaxListeners } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { release, uptime } from 'node:os';
import { dirname, join } from 'node:path';
import type { GuestMessage, Verdict } from '../link/protocol.ts';
import { installKey } from '../manifest/input-keys.ts';
import type { InstallationManifest } from '../manifest/installation-manifest.ts';
import { secondsSince } from '../system/elapsed.ts';
import { messageOf, PvmcError } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { Releases } from '../system/releases.ts';
import { run } from '../system/run.ts';
import { sha256Of } from '../system/sha256.ts';
import type { CheckpointTaker } from './checkpoint.ts';
import { consoleText } from './console.ts';
import { StepError } from './construct.ts';
import { createContext } from './context.ts';
import { Watch } from './evidence.ts';
import { readInstallationManifest } from './installation.ts';
import { LinkListener } from './link-listener.ts';
import { LinkSender } from './link-sender.ts';
import { lookOut } from './look-out.ts';
import { ConstructionRecord } from './record.ts';
import type { Context } from './step.ts';

/** A busy step reports this often at most; the serial line is slow on some hypervisors. */
const AMOUNT_MILLISECONDS = 500;

export interface SessionOptions {
  /** The path of the installation manifest. */
  readonly installation: string;
  /** The serial line to the host; undefined when no host takes part. */
  readonly link: string | undefined;
  /** The folder in memory where log and state are written. */
  readonly logs: string;
}

type Failure = Extract<Verdict, { readonly ok: false }>;

/** What the work of a session is given. */
export interface Work {
  readonly context: Context;
  readonly say: (message: GuestMessage) => void;
  readonly taker: CheckpointTaker;
}

/** Does the work, and says what came of it. */
export async function holdSession(
  options: SessionOptions,
  work: (work: Work) => Promise<void>,
): Promise<Verdict> {
  await mkdir(options.logs, { recursive: true });
  const record = new ConstructionRecord(options.logs);
  const link = await LinkSender.open(options.link);
  const listener = new LinkListener(options.link);
  const say = (message: GuestMessage) => {
    link.say(message);
    const text = consoleText(message, options.logs);
    if (text !== undefined) process.stdout.write(`${text}\n`);
  };
  const judge = (verdict: Verdict) => {
    say({ type: 'verdict', verdict });
    noteVerdict(options.logs, verdict);
  };
  onDefect((thrown) => {
    judge(failureOf(thrown));
    void link.close().finally(() => process.exit(1));
  });
  say({ type: 'hello', constructor: VERSION_NOTE, kernel: release(), uptimeSeconds: uptime() });
  const started = performance.now();
  const failure = await attempt({ options, say, record, taker: takerOn(listener, say) }, work);
  await record.close();
  if (failure) await sendLogs(link, options.logs);
  const verdict = failure ?? { ok: true as const, seconds: secondsSince(started) };
  judge(verdict);
  await link.close();
  listener.close();
  return verdict;
}

/** What nobody has caught must not end the construction without a verdict. */
function onDefect(tell: (thrown: unknown) => void): void {
  process.on('uncaughtException', tell);
  process.on('unhandledRejection', tell);
}

/** Whoever started the constructor sees there that it has said its last word. */
function noteVerdict(folder: string, verdict: Verdict): void {
  try {
    writeFileSync(join(folder, 'verdict.json'), JSON.stringify(verdict));
  } catch {
    // Then it is taken for one that ended without a word, besides.
  }
}

const VERSION_NOTE = `node ${process.version}`;

/** The host has this long to answer the constructor's first words. */
const WELCOME_MILLISECONDS = 2000;
/** The machine is paused while its disk is copied, so it is less by its own clock. */
const CHECKPOINT_MILLISECONDS = 10 * 60_000;

function takerOn(listener: LinkListener, say: (message: GuestMessage) => void): CheckpointTaker {
  return {
    takesCheckpoints: async () =>
      (await listener.welcome(WELCOME_MILLISECONDS))?.checkpoints === true,
    async offer(name, key, signal) {
      const answer = listener.answer(name, CHECKPOINT_MILLISECONDS, signal);
      say({ type: 'checkpoint', name, key });
      const said = await answer;
      if (said?.type === 'checkpoint-taken') return { taken: true };
      return { taken: false, why: said?.why ?? 'the host does not answer' };
    },
  };
}

interface Speakers {
  readonly options: SessionOptions;
  readonly say: (message: GuestMessage) => void;
  readonly record: ConstructionRecord;
  readonly taker: CheckpointTaker;
}

async function attempt(
  { options, say, record, taker }: Speakers,
  work: (work: Work) => Promise<void>,
): Promise<Failure | undefined> {
  const interruption = interruptible();
  const progress = progressFor({ say, record }, interruption.signal);
  const releases = new Releases((what, failure) => progress.log(`${what}: ${messageOf(failure)}`));
  let context: Context | undefined;
  let watch: Watch | undefined;
  try {
    const manifest = await readInstallationManifest(options.installation);
    record.identify(await identityOf(manifest, interruption.signal));
    const payloadFolder = dirname(options.installation);
    context = createContext({ manifest, payloadFolder, progress, record, releases });
    const began = await Watch.begin(context);
    watch = began;
    const look = () => began.loss(progress.step);
    const onLost = (loss: PvmcError) => interruption.abort(loss);
    releases.add('the look-out', lookOut({ look, onLost }));
    const withStep = (message: GuestMessage) => {
      if (message.type === 'step-started') progress.step = message.step;
      say(message);
    };
    await work({ context, say: withStep, taker });
    return undefined;
  } catch (thrown) {
    if (context) await keepLogs(context, options.logs);
    return failureOf(await explained(thrown, watch, interruption.signal));
  } finally {
    await releases.releaseAll();
  }
}

async function identityOf(manifest: InstallationManifest, signal: AbortSignal) {
  const { name, version } = manifest.appliance;
  return {
    appliance: `${name} ${version}`,
    installKey: installKey(manifest),
    code: await sha256Of(process.argv[1] ?? '', signal),
  };
}

/** What the machine itself tells of why a step failed is the better reason. */
async function explained(thrown: unknown, watch: Watch | undefined, signal: AbortSignal) {
  if (!(thrown instanceof StepError) || !watch || signal.aborted) return thrown;
  const found = await watch.explain(thrown.step, thrown.cause).catch(() => undefined);
  return found ? new StepError(thrown.step, found) : thrown;
}

function progressFor(
  { say, record }: Pick<Speakers, 'say' | 'record'>,
  signal: AbortSignal,
): Progress & { step: string } {
  let lastAmount = 0;
  return {
    step: '',
    signal,
    log(line, origin = 'constructor') {
      record.log(`${uptime().toFixed(1)} ${origin}: ${line}`);
      say({ type: 'log', origin, line });
    },
    amount(amount) {
      const now = performance.now();
      const whole = amount.total !== undefined && amount.done >= amount.total;
      if (!whole && now - lastAmount < AMOUNT_MILLISECONDS) return;
      lastAmount = now;
      say({ type: 'amount', step: this.step, amount });
    },
    notice(line) {
      record.log(`${uptime().toFixed(1)} constructor: ${line}`);
      say({ type: 'notice', line });
    },
  };
}

function interruptible(): AbortController {
  const controller = new AbortController();
  // Each running program listens; many packages are fetched at once.
  setMaxListeners(0, controller.signal);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      controller.abort(
        new PvmcError({
          kind: 'construct',
          code: 'constructor-stopped',
          message: `the constructor was stopped by ${signal}`,
        }),
      );
    });
  }
  return controller;
}

function failureOf(thrown: unknown): Failure {
  const step = thrown instanceof StepError ? thrown.step : 'start';
  const cause = thrown instanceof StepError ? thrown.cause : thrown;
  if (cause instanceof PvmcError) {
    const { code, message, hint, details } = cause;
    return { ok: false, step, code, message, hint, details };
  }
  const trace = cause instanceof Error ? (cause.stack ?? '').split('\n') : [];
  return { ok: false, step, code: 'constructor-defect', message: messageOf(cause), details: trace };
}

/** What lies in the scratch file system, which is about to be given back, and would be missed. */
async function keepLogs(context: Context, logs: string): Promise<void> {
  const dpkgLog = join(context.workspace.root, 'var/log/dpkg.log');
  await run(['cp', dpkgLog, join(logs, 'dpkg.log')], { accept: [0, 1] }).catch(() => {});
}

const SENT_LOGS = ['constructor.log', 'dpkg.log', 'state.json'];
const MAXIMUM_LOG_BYTES = 2 * 2 ** 20;

async function sendLogs(link: LinkSender, logs: string): Promise<void> {
  for (const name of SENT_LOGS) {
    const content = await readFile(join(logs, name)).catch(() => undefined);
    if (content) link.sendFile(name, content.subarray(-MAXIMUM_LOG_BYTES));
  }
  const journal = await run(['journalctl', '--boot', '--no-pager', '--output=short-monotonic'], {
    accept: [0, 1],
  }).catch(() => undefined);
  if (journal)
    link.sendFile('journal.log', Buffer.from(journal.stdout).subarray(-MAXIMUM_LOG_BYTES));
}
