/**
 * Why a step has failed, as far as the machine itself tells: its disk, its medium, its memory, its
 * network, its clock. Each is looked up when a step has failed, and compared with how it was at the
 * beginning. What is found becomes the reason, with the step's own error below it; when nothing is
 * found, that error stands.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces, uptime } from 'node:os';
import { basename, join } from 'node:path';
import { messageOf, PvmcError, systemCodeOf } from '../system/error.ts';
import { memoryKills } from '../system/memory-kills.ts';
import { run } from '../system/run.ts';
import type { Context } from './step.ts';

/** Where the kernel tells; a test has its own. */
export interface Kernel {
  readonly sys: string;
  readonly proc: string;
}

const KERNEL: Kernel = { sys: '/sys', proc: '/proc' };

/** How long a step that needs the network is let wait without one. */
const BORNE_SECONDS = 15;

export class Watch {
  readonly #context: Context;
  readonly #began: Beginning;
  #lastConnected = performance.now();

  private constructor(context: Context, began: Beginning) {
    this.#context = context;
    this.#began = began;
  }

  static async begin(context: Context): Promise<Watch> {
    const missing = missingOfNetwork(KERNEL, hasAddress());
    const kills = (await memoryKills()) ?? 0;
    return new Watch(context, { uptimeSeconds: uptime(), kills, missing });
  }

  /**
   * What the machine has lost while a step goes on, which may not notice for minutes: what is written to a
   * disk goes to memory first, and a connection without a cable is only silent.
   */
  loss(step: string): PvmcError | undefined {
    const { workspace } = this.#context;
    const lost = diskEvidence(KERNEL, workspace, []) ?? this.#networkLoss(step);
    return lost && new PvmcError({ kind: 'construct', ...lost });
  }

  /** A cable may be plugged in again, and DHCP takes its time. */
  #networkLoss(step: string): Evidence | undefined {
    const now = missingOfNetwork(KERNEL, hasAddress());
    const { missing: before } = this.#began;
    if (now === undefined || before !== undefined || step !== 'fetch') {
      this.#lastConnected = performance.now();
      return undefined;
    }
    const seconds = (performance.now() - this.#lastConnected) / 1000;
    return seconds < BORNE_SECONDS ? undefined : networkLost(before, now);
  }

  /** The error that names the reason, if the machine tells one. */
  async explain(step: string, cause: unknown): Promise<PvmcError | undefined> {
    const log = since(await kernelLog(), this.#began.uptimeSeconds);
    const { workspace, manifest } = this.#context;
    const found =
      diskEvidence(KERNEL, workspace, log) ??
      mediumEvidence(log) ??
      memoryEvidence(((await memoryKills()) ?? 0) - this.#began.kills, log) ??
      networkEvidence(step, cause, {
        before: this.#began.missing,
        now: missingOfNetwork(KERNEL, hasAddress()),
      }) ??
      clockEvidence(step, cause, { now: Date.now() / 1000, epoch: manifest.sourceDateEpoch });
    return found && reasonFor(found, cause);
  }
}

interface Beginning {
  readonly uptimeSeconds: number;
  /** Programs that the kernel had ended for want of memory. */
  readonly kills: number;
  readonly missing: string | undefined;
}

interface Evidence {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly lines?: readonly string[];
}

function reasonFor({ code, message, hint, lines = [] }: Evidence, cause: unknown): PvmcError {
  const own = cause instanceof PvmcError ? cause.details : [];
  const details = [`the step’s own words: ${messageOf(cause)}`, ...own, ...lines.slice(-10)];
  return new PvmcError({ kind: 'construct', code, message, hint, details, cause });
}

export interface LogLine {
  readonly seconds: number;
  readonly text: string;
}

async function kernelLog(): Promise<LogLine[]> {
  const { stdout } = await run(['dmesg'], { signal: AbortSignal.timeout(10_000) });
  return parseKernelLog(stdout);
}

/** Lines as `[   12.345678] text`. */
export function parseKernelLog(text: string): LogLine[] {
  return text.split('\n').flatMap((line) => {
    const found = /^\[\s*(\d+\.\d+)\]\s*(.*)$/.exec(line);
    return found ? [{ seconds: Number(found[1]), text: found[2] ?? '' }] : [];
  });
}

function since(log: readonly LogLine[], seconds: number): readonly LogLine[] {
  return log.filter((line) => line.seconds >= seconds);
}

/** The disk that is built on: gone, read-only all of a sudden, or with errors in the kernel's log. */
export function diskEvidence(
  { sys, proc }: Kernel,
  { disk, scratch }: { readonly disk: string; readonly scratch: string },
  log: readonly LogLine[],
): Evidence | undefined {
  if (disk === '') return undefined;
  const name = basename(disk);
  const hint = 'Is the disk attached, and is there room where the host keeps it?';
  if (!existsSync(join(sys, 'block', name))) {
    return { code: 'guest-disk-lost', message: `the disk ${disk} is no longer there`, hint };
  }
  if (readWord(join(sys, 'block', name, 'ro')) === '1') {
    return { code: 'guest-disk-read-only', message: `the disk ${disk} is read-only now`, hint };
  }
  const devices = [`${name}(?:p?\\d+)?`, ...loopDeviceOf(proc, scratch)].join('|');
  const failed = new RegExp(
    `(?:error,? (?:on )?dev (?:${devices})\\b)|EXT4-fs error \\(device (?:${devices})\\)`,
  );
  const lines = log.filter(({ text }) => failed.test(text)).map(({ text }) => text);
  if (lines.length === 0) return undefined;
  const message = `the disk ${disk} gives errors: ${lines[0]}`;
  return { code: 'guest-disk-error', message, hint, lines };
}

function loopDeviceOf(proc: string, mountPoint: string): string[] {
  const mounts = readText(join(proc, 'self/mounts')).split('\n');
  const [device] = mounts.find((line) => line.split(' ')[1] === mountPoint)?.split(' ') ?? [];
  return device === undefined ? [] : [basename(device)];
}

/** The medium that the running system is read from. */
export function mediumEvidence(log: readonly LogLine[]): Evidence | undefined {
  const lines = log
    .filter(({ text }) => /SQUASHFS error|(?:error,? (?:on )?dev sr\d+\b)/.test(text))
    .map(({ text }) => text);
  if (lines.length === 0) return undefined;
  return {
    code: 'medium-damaged',
    message: `the medium cannot be read: ${lines[0]}`,
    hint: 'The boot menu’s “Check the medium” tells which file is damaged. Make the medium afresh: pvmc iso.',
    lines,
  };
}

/** The kernel counts the programs that it has ended for want of memory. */
export function memoryEvidence(killed: number, log: readonly LogLine[]): Evidence | undefined {
  if (killed <= 0) return undefined;
  const lines = log
    .filter(({ text }) => /Out of memory: Killed process/.test(text))
    .map(({ text }) => text);
  return {
    code: 'guest-memory-exhausted',
    message: `the machine ran out of memory: the kernel has ended ${killed} of its programs`,
    hint: 'Give the machine more memory: machine.memory in the manifest.',
    lines,
  };
}

/** Only what uses the network can fail for want of it. */
export function networkEvidence(
  step: string,
  cause: unknown,
  missing: { readonly before: string | undefined; readonly now: string | undefined },
): Evidence | undefined {
  if (missing.now === undefined) return undefined;
  const unreachable = cause instanceof PvmcError && cause.code === 'repository-unreachable';
  // A machine may be meant to have no network: then a script has failed for another reason.
  const lostMeanwhile = step === 'scripts' && missing.before === undefined;
  if (!unreachable && !lostMeanwhile) return undefined;
  return networkLost(missing.before, missing.now);
}

function networkLost(before: string | undefined, now: string): Evidence {
  return {
    code: 'guest-network-lost',
    message: `the machine ${before === undefined ? 'has lost its network' : 'has no network'}: ${now}`,
    hint: 'Is its network card connected, and does DHCP answer there? ip address and ip route tell.',
  };
}

/** What a machine lacks of a working network, in words. */
export function missingOfNetwork({ sys, proc }: Kernel, addressed: boolean): string | undefined {
  const folder = join(sys, 'class/net');
  const cards = listed(folder).filter((name) => existsSync(join(folder, name, 'device')));
  if (cards.length === 0) return 'it has no network card';
  const connected = cards.filter((name) => readWord(join(folder, name, 'carrier')) === '1');
  if (connected.length === 0) return `${cards.join(', ')} has no carrier`;
  if (!addressed) return `${connected.join(', ')} has no address`;
  const routes = readText(join(proc, 'net/route')).split('\n').slice(1);
  return routes.some((line) => line.split('\t')[1] === '00000000')
    ? undefined
    : `there is no route out of ${connected.join(', ')}`;
}

function hasAddress(): boolean {
  return Object.values(networkInterfaces()).some((list) => list?.some(({ internal }) => !internal));
}

const DAY = 86_400;
/** Nobody installs from a medium that is so old. */
const YEARS = 20 * 365 * DAY;
const CERTIFICATE_DATES = ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'];

/** Certificates and signed indexes are refused by a machine that is in another year. */
export function clockEvidence(
  step: string,
  cause: unknown,
  { now, epoch }: { readonly now: number; readonly epoch: number },
): Evidence | undefined {
  const own = cause instanceof PvmcError ? systemCodeOf(cause.cause) : undefined;
  const byDate = own !== undefined && CERTIFICATE_DATES.includes(own);
  if (!byDate && step !== 'scripts') return undefined;
  if (now > epoch - DAY && now < epoch + YEARS) return undefined;
  const date = new Date(now * 1000).toISOString().slice(0, 10);
  return {
    code: 'guest-clock-wrong',
    message: `the machine’s clock is wrong: it says ${date}`,
    hint: 'Set the clock of the host, or of the machine’s firmware.',
  };
}

function readWord(path: string): string {
  return readText(path).trim();
}

/** Files of the kernel may be gone, or refuse to be read: a card that is switched off has no carrier. */
function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
