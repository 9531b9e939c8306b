/**
 * The constructor's main in the guest. The medium's service starts it when the boot has ended. Success
 * powers the machine off; a failure leaves it on, with a shell on the console for whoever looks.
 */

import { setMaxListeners } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { release, uptime } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import type { GuestMessage, Verdict } from '../link/protocol.ts';
import {
  INSTALLATION_MANIFEST_VERSION,
  type InstallationManifest,
} from '../manifest/installation-manifest.ts';
import { secondsSince } from '../system/elapsed.ts';
import { messageOf, PvmcError } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { Releases } from '../system/releases.ts';
import { run } from '../system/run.ts';
import { formatDuration } from '../system/size.ts';
import { construct, STEPS, StepError } from './construct.ts';
import { createContext } from './context.ts';
import { LinkSender } from './link-sender.ts';
import type { Context } from './step.ts';

/** A busy step reports this often at most; the serial line is slow on some hypervisors. */
const AMOUNT_MILLISECONDS = 500;

async function main(): Promise<number> {
  const options = readOptions();
  await mkdir(options.logs, { recursive: true });
  const log = openLog(join(options.logs, 'constructor.log'));
  const link = await LinkSender.open(options.link);
  const say = (message: GuestMessage) => {
    link.say(message);
    tellConsole(message, options.logs);
  };
  say({ type: 'hello', constructor: VERSION_NOTE, kernel: release(), uptimeSeconds: uptime() });
  onDefect((thrown) => {
    say({ type: 'verdict', verdict: failureOf(thrown) });
    void link.close().finally(() => process.exit(1));
  });
  const started = performance.now();
  const outcome = await attempt(options, { say, log });
  // What is sent is read from the file: its last lines, the most telling ones, have to be in it.
  log.end();
  await finished(log).catch(() => {});
  const verdict = outcome.ok ? { ok: true as const, seconds: secondsSince(started) } : outcome;
  if (!verdict.ok) await sendLogs(link, options.logs);
  say({ type: 'verdict', verdict });
  await link.close();
  if (verdict.ok && options.powerOff) await run(['systemctl', 'poweroff', '--no-block']);
  return verdict.ok ? 0 : 1;
}

/** What nobody has caught must not end the construction without a verdict. */
function onDefect(tell: (thrown: unknown) => void): void {
  process.on('uncaughtException', tell);
  process.on('unhandledRejection', tell);
}

const VERSION_NOTE = `node ${process.version}`;

interface Options {
  readonly installation: string;
  readonly link: string;
  /** The folder where the log is written. */
  readonly logs: string;
  readonly powerOff: boolean;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      installation: { type: 'string', default: '/run/pvmc/medium/pvmc/installation.json' },
      link: { type: 'string', default: '/dev/ttyS1' },
      logs: { type: 'string', default: '/run/pvmc' },
      'no-power-off': { type: 'boolean', default: false },
    },
  });
  return {
    installation: values.installation,
    link: values.link,
    logs: values.logs,
    powerOff: !values['no-power-off'],
  };
}

/** A log that can no longer be written (memory is full) must not end the construction. */
function openLog(path: string): WriteStream {
  const log = createWriteStream(path, { flags: 'a' });
  log.on('error', () => {});
  return log;
}

interface Speakers {
  readonly say: (message: GuestMessage) => void;
  readonly log: WriteStream;
}

type Failure = Extract<Verdict, { readonly ok: false }>;
type Outcome = { readonly ok: true } | Failure;

async function attempt({ installation, logs }: Options, { say, log }: Speakers): Promise<Outcome> {
  const interruption = interruptible();
  const progress = progressFor({ say, log }, interruption.signal);
  const releases = new Releases((what, failure) => progress.log(`${what}: ${messageOf(failure)}`));
  let context: Context | undefined;
  try {
    const manifest = await readInstallationManifest(installation);
    context = createContext({ manifest, manifestPath: installation, progress, releases });
    await construct(context, (message) => {
      if (message.type === 'step-started') progress.step = message.step;
      say(message);
    });
    return { ok: true };
  } catch (thrown) {
    if (context) await keepLogs(context, logs);
    return failureOf(thrown);
  } finally {
    await releases.releaseAll();
  }
}

async function readInstallationManifest(path: string): Promise<InstallationManifest> {
  const text = await readFile(path, 'utf8').catch((thrown: unknown) => {
    throw new PvmcError({
      kind: 'construct',
      code: 'no-installation-manifest',
      message: `there is no installation manifest at ${path}: ${messageOf(thrown)}`,
      hint: 'The medium carries it as pvmc/installation.json; is this a PVMC ISO, and is it mounted?',
    });
  });
  const parsed = parse(path, text);
  const { version } = parsed;
  if (version !== INSTALLATION_MANIFEST_VERSION) {
    throw new PvmcError({
      kind: 'construct',
      code: 'foreign-installation-manifest',
      message: `the installation manifest has version ${String(version)}; this constructor reads version ${INSTALLATION_MANIFEST_VERSION}`,
      hint: 'Make the medium afresh with one version of pvmc: pvmc iso.',
    });
  }
  return parsed as InstallationManifest;
}

/** Whatever the file holds, it is at least an object. */
function parse(path: string, text: string): { readonly version?: unknown } {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return parsed;
    throw new TypeError('it describes nothing');
  } catch (thrown) {
    throw new PvmcError({
      kind: 'construct',
      code: 'foreign-installation-manifest',
      message: `${path} is no installation manifest: ${messageOf(thrown)}`,
      hint: 'Is the medium whole? Compare its SHA-256, or make it afresh: pvmc iso.',
    });
  }
}

function progressFor({ say, log }: Speakers, signal: AbortSignal): Progress & { step: string } {
  let lastAmount = 0;
  return {
    step: '',
    signal,
    log(line, origin = 'constructor') {
      log.write(`${uptime().toFixed(1)} ${origin}: ${line}\n`);
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

/** What lies in the scratch file system, which is about to go, and would be missed. */
async function keepLogs(context: Context, logs: string): Promise<void> {
  const dpkgLog = join(context.workspace.root, 'var/log/dpkg.log');
  await run(['cp', dpkgLog, join(logs, 'dpkg.log')], { accept: [0, 1] }).catch(() => {});
}

const SENT_LOGS = ['constructor.log', 'dpkg.log'];
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

/** What a person in front of the machine's console sees. */
function tellConsole(message: GuestMessage, logs: string): void {
  const line = consoleLine(message, logs);
  if (line !== undefined) process.stdout.write(`${line}\n`);
}

function consoleLine(message: GuestMessage, logs: string): string | undefined {
  switch (message.type) {
    case 'hello':
      return `pvmc constructor on Linux ${message.kernel}, ${message.uptimeSeconds.toFixed(0)} s after power-on`;
    case 'step-started': {
      const index = STEPS.findIndex((step) => step.name === message.step);
      return `[${index + 1}/${STEPS.length}] ${STEPS[index]?.title ?? message.step}`;
    }
    case 'notice':
      return message.line;
    case 'verdict':
      return verdictText(message.verdict, logs);
    case 'plan':
    case 'step-finished':
    case 'amount':
    case 'log':
    case 'alive':
    case 'file':
    case 'checkpoint':
      return undefined;
  }
}

function verdictText(verdict: Verdict, logs: string): string {
  if (verdict.ok) return `The appliance is constructed (${formatDuration(verdict.seconds)}).`;
  return [
    `FAILED in the step ${verdict.step}: ${verdict.message}`,
    ...verdict.details.map((line) => `  ${line}`),
    ...(verdict.hint === undefined ? [] : [verdict.hint]),
    `The log is ${logs}/constructor.log; the journal: journalctl -u pvmc-constructor`,
  ].join('\n');
}

process.exitCode = await main();
