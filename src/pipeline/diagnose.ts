/**
 * `pvmc diagnose`: the medium of a build, started by hand in the machine that the build had, with its
 * disk. What the guest writes goes to a file that is thrown away, so the build stays as it is: what it
 * kept can still be taken up, and looked at again.
 */
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  Hypervisor,
  MachineEvent,
  OpenScreen,
  RunningMachine,
  SerialLine,
} from '../hypervisors/hypervisor.ts';
import { qemuHypervisor } from '../hypervisors/qemu/hypervisor.ts';
import { removeAbandoned } from '../system/abandoned.ts';
import { messageOf, PvmcError } from '../system/error.ts';
import { quietProgress } from '../system/progress.ts';
import { Releases } from '../system/releases.ts';
import { buildRunning } from './begin-build.ts';
import { buildFolderPaths } from './build-folder.ts';
import type { RecordedBuild } from './earlier-builds.ts';
import { findBuild } from './kept-builds.ts';
import { limitsFor, slowLine } from './limits.ts';
import { stateOf } from './record.ts';
import { runInShell, shellCredentials } from './shell-command.ts';

export interface DiagnoseOptions {
  readonly outputFolder: string;
  /** As `findBuild` takes it. */
  readonly build: string;
  /** Show the screen to a VNC viewer. */
  readonly screen: boolean;
  /** Run this in the guest's shell and end, instead of letting the user in. */
  readonly command?: string | undefined;
}

/** How the one who asked takes part. */
export interface DiagnoseSession {
  readonly signal: AbortSignal;
  readonly notice: (line: string) => void;
  /** The machine is on. */
  readonly onStarted: (started: DiagnoseStarted) => void;
  /** Brings user and console together until one of them ends it, and tells which. */
  readonly connect: (console: SerialLine) => Promise<'user' | 'console'>;
  /** Takes what a command prints. */
  readonly onOutput: (bytes: Uint8Array) => void;
}

export interface DiagnoseStarted {
  readonly build: string;
  readonly screen?: OpenScreen | undefined;
}

export interface DiagnoseResult {
  readonly build: string;
  /** How the machine ended, when it was not the user who ended it. */
  readonly ended?: MachineEvent | undefined;
  /** The exit status of the command. */
  readonly status?: number | undefined;
}

/** Lets the medium start a shell instead of the constructor. */
const DIAGNOSE_CREDENTIAL = { 'pvmc.mode': 'diagnose' };

/**
 * @throws PvmcError `no-builds`, `build-unknown`, `build-ambiguous`, `build-running`, `nothing-kept`;
 * whatever keeps a machine from starting.
 */
export async function diagnoseBuild(
  options: DiagnoseOptions,
  session: DiagnoseSession,
): Promise<DiagnoseResult> {
  const build = await findBuild(options.outputFolder, options.build);
  await requireKept(build);
  await using releases = new Releases((what, failure) => {
    session.notice(`${what} could not be given back: ${messageOf(failure)}`);
  });
  const folder = await makeWorkFolder(build.path);
  releases.add('the folder of the diagnosis', () => rm(folder, { recursive: true, force: true }));
  // Medium and disk are the same for every hypervisor; QEMU alone opens a console so far.
  const hypervisor = qemuHypervisor();
  const { acceleration } = await hypervisor.capabilities();
  if (!acceleration.available) session.notice(slowLine(acceleration));
  const started = await start(build, { hypervisor, folder, options, session, releases });
  const { console, running } = started;
  session.onStarted({ build: build.record.build, screen: started.screen });
  if (options.command !== undefined) {
    const { onOutput, signal } = session;
    const limitSeconds = limitsFor(acceleration, {}).boot;
    const status = await runInShell({ ...started, limitSeconds, onOutput, signal });
    return { build: build.record.build, status };
  }
  // What runs in the shell may speak on it, and is not to be held up.
  void drain(running.link);
  const by = await session.connect(console);
  session.signal.throwIfAborted();
  const ended = by === 'console' ? await running.stopped : undefined;
  return { build: build.record.build, ended };
}

async function drain(line: SerialLine): Promise<void> {
  for await (const _ of line);
}

interface Start {
  readonly hypervisor: Hypervisor;
  readonly folder: string;
  readonly options: DiagnoseOptions;
  readonly session: DiagnoseSession;
  readonly releases: Releases;
}

interface Started {
  readonly running: RunningMachine;
  readonly console: SerialLine;
  readonly consoleLogPath: string;
  readonly screen: OpenScreen | undefined;
}

async function start(
  { path, record }: RecordedBuild,
  { hypervisor, folder, options, session, releases }: Start,
): Promise<Started> {
  const { mediumPath, diskPath } = buildFolderPaths(path);
  const { memoryBytes, cpus, firmware } = record.machine;
  const { credentials } = await hypervisor.capabilities();
  if (!credentials) session.notice('Hold Shift while it starts, and choose Diagnose in its menu.');
  const progress = { ...quietProgress(session.signal), notice: session.notice };
  const consoleLogPath = join(folder, 'console.log');
  const machine = await hypervisor.create(
    {
      name: `pvmc-${record.build}-diagnose`,
      memoryBytes,
      cpus,
      firmware,
      network: 'nat',
      disk: { type: 'throw-away', path: diskPath },
      devices: 'fast',
      mediumPath,
      consoleLogPath,
      console: 'open',
      screen: options.screen ? 'vnc' : 'hidden',
      runtimeFolder: join(folder, 'machine'),
      ...(credentials ? { credentials: credentialsFor(options.command) } : {}),
    },
    progress,
  );
  releases.add('the machine', () => machine.discard());
  const running = await machine.start(progress);
  releases.add('the running machine', () => running.stop());
  const { console } = running;
  if (!console) throw new TypeError(`${hypervisor.name} opens no console`);
  const screen = options.screen ? await running.openScreen?.() : undefined;
  return { running, console, consoleLogPath, screen };
}

function credentialsFor(command: string | undefined): Readonly<Record<string, string>> {
  return { ...DIAGNOSE_CREDENTIAL, ...(command === undefined ? {} : shellCredentials(command)) };
}

/** Refuses a build of which there is nothing to start, or which runs. */
async function requireKept(build: RecordedBuild): Promise<void> {
  const { record, path } = build;
  if ((await stateOf(record)) === 'running')
    throw buildRunning(record.build, record.owner.processId);
  const { mediumPath, diskPath } = buildFolderPaths(path);
  for (const [what, file] of [
    ['medium', mediumPath],
    ['disk', diskPath],
  ] as const) {
    if (await exists(file)) continue;
    throw new PvmcError({
      kind: 'usage',
      code: 'nothing-kept',
      message: `the ${what} of the build ${record.build} was not kept`,
      hint: `A build keeps both until a newer one takes its place; --keep always keeps them longer.`,
      details: [`${file} is not there`],
    });
  }
}

/** A folder of this process in the build's folder; what a killed one has left there is removed. */
async function makeWorkFolder(buildFolder: string): Promise<string> {
  const prefix = 'diagnose-';
  await removeAbandoned(buildFolder, prefix, /^(\d+)$/);
  const folder = join(buildFolder, `${prefix}${process.pid}`);
  await mkdir(folder, { mode: 0o700 });
  return folder;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
