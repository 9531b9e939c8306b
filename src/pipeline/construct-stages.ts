/**
 * Stages 2 to 5: the machine is configured and started, boots the medium, and its constructor builds
 * the appliance on its disk. Ends with the guest's verdict and its power-off, or with a reason.
 */
import type { Hypervisor, Machine, RunningMachine } from '../hypervisors/hypervisor.ts';
import { Deadline } from '../link/deadline.ts';
import type { HeardMessage } from '../link/host.ts';
import type { Verdict } from '../link/protocol.ts';
import type { Manifest } from '../manifest/schema.ts';
import { messageOf, PvmcError } from '../system/error.ts';
import type { Releases } from '../system/releases.ts';
import { formatDuration, formatSize } from '../system/size.ts';
import type { BuildFolder } from './build-folder.ts';
import { Guest } from './guest.ts';
import type { limitsFor } from './limits.ts';
import { aborted, type StageProgress, type StageRunner } from './stage-runner.ts';

export interface ConstructOptions {
  readonly manifest: Manifest;
  readonly mediumPath: string;
  readonly folder: BuildFolder;
  readonly hypervisor: Hypervisor;
  readonly limits: ReturnType<typeof limitsFor>;
  readonly stages: StageRunner;
  /** Gives the machine back when the build is over, however it ends. */
  readonly releases: Releases;
}

/** Constructs the appliance on `folder.diskPath`. */
export async function constructAppliance(options: ConstructOptions): Promise<void> {
  const { stages, limits, releases } = options;
  const machine = await stages.run('machine', { limitSeconds: limits.machine }, (progress) =>
    createMachine(options, progress),
  );
  const started = await stages.run('start', { limitSeconds: limits.start }, (progress) =>
    startMachine(options, machine, progress),
  );
  releases.add('the running machine', () => started.running.stop());
  try {
    await stages.run('boot', { limitSeconds: limits.boot }, (progress) => boot(started, progress));
    const { construct: limitSeconds, silence: silenceSeconds } = limits;
    await stages.run('construct', { limitSeconds, silenceSeconds }, (progress) =>
      construct(started, progress),
    );
    await machine.detachMedium();
  } catch (thrown) {
    await photograph(options, started.running);
    throw thrown;
  }
}

async function createMachine(
  { manifest, mediumPath, folder, hypervisor, releases }: ConstructOptions,
  progress: StageProgress,
) {
  const { memory, cpus, disk, firmware } = manifest.machine;
  const machine = await hypervisor.create(
    {
      name: `pvmc-${folder.name}`,
      memoryBytes: memory,
      cpus,
      firmware,
      // The packages come through it, even for an appliance that is to have none.
      network: 'nat',
      disk: { type: 'create', path: folder.diskPath, sizeBytes: disk },
      devices: 'fast',
      mediumPath,
      consoleLogPath: folder.consoleLogPath,
      runtimeFolder: folder.runtimeFolder,
    },
    progress,
  );
  releases.add('the machine', () => machine.discard());
  const { acceleration } = await hypervisor.capabilities();
  const how = acceleration.available ? acceleration.why : 'in software emulation';
  const result = `${formatSize(memory)} of memory, ${cpus} CPUs, ${formatSize(disk)} disk, ${how}`;
  return { value: machine, result };
}

interface Started {
  readonly running: RunningMachine;
  readonly guest: Guest;
}

async function startMachine(
  { folder, hypervisor }: ConstructOptions,
  machine: Machine,
  progress: StageProgress,
) {
  const running = await machine.start(progress);
  const guest = new Guest(running, {
    filesFolder: folder.guestFolder,
    note: (line) => progress.log(line, 'link'),
  });
  return { value: { running, guest }, result: await hypervisor.version() };
}

async function boot({ guest }: Started, progress: StageProgress) {
  const hello = await Promise.race([guest.hello, aborted(progress.signal)]);
  return { value: undefined, result: `Linux ${hello.kernel}` };
}

async function construct({ running, guest }: Started, progress: StageProgress) {
  const follower = new ConstructionFollower(progress);
  guest.follow({
    onMessage: (message) => follower.hear(message),
    onAlive: () => progress.heard(),
  });
  const verdict = await Promise.race([guest.verdict, aborted(progress.signal)]);
  if (!verdict.ok) throw failedVerdict(verdict);
  using deadline = new Deadline({
    what: 'the power-off of the guest',
    limitSeconds: POWER_OFF_SECONDS,
    signal: progress.signal,
  });
  await Promise.race([poweredOff(running), guest.failure, aborted(deadline.signal)]);
  return { value: undefined, result: `in the guest ${formatDuration(verdict.seconds)}` };
}

/** The guest has only to sync and to power off by now. */
const POWER_OFF_SECONDS = 180;

async function poweredOff(running: RunningMachine): Promise<void> {
  const end = await running.stopped;
  if (end.type === 'stopped' && end.by === 'guest') return;
  throw new PvmcError({
    kind: 'machine',
    code: 'no-power-off',
    message:
      'the guest gave its verdict, and then its machine ended otherwise than by powering off',
    hint: 'What it wrote last may be missing on the disk, so nothing is exported. Build again.',
  });
}

/** Turns the constructor's words into the run's events. */
class ConstructionFollower {
  readonly #progress: StageProgress;
  #steps: readonly { readonly name: string; readonly title: string }[] = [];

  constructor(progress: StageProgress) {
    this.#progress = progress;
  }

  hear(message: HeardMessage): void {
    switch (message.type) {
      case 'plan':
        this.#steps = message.steps;
        return;
      case 'step-started':
        return this.#step(message.step);
      case 'amount':
        return this.#progress.amount(message.amount);
      case 'log':
        return this.#progress.log(message.line, message.origin);
      case 'notice':
        return this.#progress.notice(message.line);
      case 'hello':
      case 'step-finished':
      case 'alive':
      case 'checkpoint':
      case 'verdict':
        return;
    }
  }

  #step(name: string): void {
    const index = this.#steps.findIndex((step) => step.name === name);
    this.#progress.step({
      name,
      title: this.#steps[index]?.title ?? name,
      index: index + 1,
      count: this.#steps.length,
    });
  }
}

function failedVerdict(verdict: Extract<Verdict, { readonly ok: false }>): PvmcError {
  const { code, message, hint, details } = verdict;
  return new PvmcError({ kind: 'construct', code, message, hint, details });
}

/** A picture of the guest's screen for whoever looks for the reason. */
async function photograph({ folder }: ConstructOptions, running: RunningMachine): Promise<void> {
  await running.screenshot(folder.screenshotPath).catch((thrown: unknown) => {
    folder.log.write(`no picture of the screen could be taken: ${messageOf(thrown)}\n`);
  });
}
