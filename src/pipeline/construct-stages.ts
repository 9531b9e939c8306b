/**
 * Stages 2 to 5: the machine is configured and started, boots the medium, and its constructor builds
 * the appliance on its disk. Ends with the guest's verdict and its power-off, or with a reason.
 */
import type {
  Hypervisor,
  MachineSpecification,
  RunningMachine,
} from '../hypervisors/hypervisor.ts';
import { Deadline } from '../link/deadline.ts';
import type { HeardMessage } from '../link/host.ts';
import { encodeHostMessage, type Verdict } from '../link/protocol.ts';
import type { Manifest } from '../manifest/schema.ts';
import { counted } from '../system/counted.ts';
import { messageOf, PvmcError } from '../system/error.ts';
import type { Releases } from '../system/releases.ts';
import { formatDuration, formatSize } from '../system/size.ts';
import { copySparse } from '../system/sparse-copy.ts';
import { type Started, StartedMachine } from './boot-stages.ts';
import type { BuildFolder } from './build-folder.ts';
import { explainStandstill } from './guest-failure.ts';
import type { limitsFor } from './limits.ts';
import type { StageOrder } from './stage-order.ts';
import { aborted, type StageProgress, type StageRunner } from './stage-runner.ts';

/** The stages that have one machine, and one result: its disk. */
export const GUEST_STAGES = ['machine', 'start', 'boot', 'construct'] as const;

/** What becomes of the moment at which all packages are installed and nothing is configured yet. */
export type Checkpoint =
  /** The machine starts there, with a copy of this disk, which the build of this name has made. */
  | { readonly type: 'start'; readonly build: string; readonly path: string }
  /** The disk is copied there when the guest offers this key, and `onTaken` is told. */
  | {
      readonly type: 'take';
      readonly path: string;
      readonly key: string;
      readonly onTaken: () => Promise<void>;
    }
  | { readonly type: 'none' };

export interface ConstructOptions {
  readonly manifest: Manifest;
  readonly folder: BuildFolder;
  readonly hypervisor: Hypervisor;
  readonly limits: ReturnType<typeof limitsFor>;
  readonly checkpoint: Checkpoint;
  readonly order: StageOrder;
  readonly stages: StageRunner;
  /** Gives the machine back when the build is over, however it ends. */
  readonly releases: Releases;
}

/** Constructs the appliance on `folder.diskPath`, as far as the build is to go. */
export async function constructAppliance(options: ConstructOptions): Promise<void> {
  const { stages, limits, order } = options;
  const machine = await stages.run('machine', { limitSeconds: limits.machine }, (progress) =>
    createMachine(options, progress),
  );
  if (!order.wants('start')) return;
  const started = await stages.run('start', { limitSeconds: limits.start }, async (progress) => ({
    value: await StartedMachine.start(options, machine, progress),
    result: await options.hypervisor.version(),
  }));
  try {
    if (!order.wants('boot')) return;
    await stages.run('boot', { limitSeconds: limits.boot }, async (progress) => ({
      value: undefined,
      result: `Linux ${await started.boot(progress)}`,
    }));
    if (!order.wants('construct')) return;
    const { construct: limitSeconds, silence: silenceSeconds } = limits;
    await stages.run('construct', { limitSeconds, silenceSeconds }, (progress) =>
      construct(options, started.now, progress),
    );
    await machine.detachMedium();
  } catch (thrown) {
    const { running, console } = started.now;
    await photograph(options, running);
    const { cpus: processors } = options.manifest.machine;
    throw await explainStandstill(thrown, running, { processors, console: console.recent });
  }
}

async function createMachine(options: ConstructOptions, progress: StageProgress) {
  const { manifest, folder, hypervisor, releases, checkpoint } = options;
  const { memory, cpus, disk, firmware } = manifest.machine;
  const machine = await hypervisor.create(
    {
      name: `pvmc-${folder.name}`,
      memoryBytes: memory,
      cpus,
      firmware,
      // The packages come through it, even for an appliance that is to have none.
      network: 'nat',
      disk: await diskOf(options, progress),
      devices: 'fast',
      mediumPath: folder.mediumPath,
      consoleLogPath: folder.consoleLogPath,
      runtimeFolder: folder.runtimeFolder,
    },
    progress,
  );
  releases.add('the machine', () => machine.discard());
  const { acceleration } = await hypervisor.capabilities();
  const slow = acceleration.interpreted ? 'interpreted' : 'in software emulation';
  const how = acceleration.available ? acceleration.why : slow;
  const facts = [
    `${formatSize(memory)} of memory`,
    counted(cpus, 'CPU'),
    `${formatSize(disk)} disk`,
    ...(checkpoint.type === 'start' ? [`with the packages as in ${checkpoint.build}`] : []),
    how,
  ];
  return { value: machine, result: facts.join(', ') };
}

async function diskOf(
  { manifest, folder, checkpoint }: ConstructOptions,
  progress: StageProgress,
): Promise<MachineSpecification['disk']> {
  const path = folder.diskPath;
  if (checkpoint.type !== 'start')
    return { type: 'create', path, sizeBytes: manifest.machine.disk };
  await copySparse(checkpoint.path, path, { signal: progress.signal });
  return { type: 'existing', path, format: 'raw' };
}

async function construct(
  { checkpoint }: ConstructOptions,
  { running, guest }: Started,
  progress: StageProgress,
) {
  const taking: Promise<void>[] = [];
  const follower = new ConstructionFollower(progress, (offer) => {
    // The guest offers one; whoever offers another is none of ours.
    const wanted = taking.length === 0 ? checkpoint : ({ type: 'none' } as const);
    taking.push(takeCheckpoint(offer, { checkpoint: wanted, running, progress }));
  });
  guest.follow({
    onMessage: (message) => follower.hear(message),
    onAlive: () => progress.heard(),
  });
  try {
    return await verdictAndPowerOff({ running, guest }, progress);
  } finally {
    // Nobody writes to the build's record behind its back.
    await Promise.all(taking);
  }
}

async function verdictAndPowerOff(
  { running, guest }: Pick<Started, 'running' | 'guest'>,
  progress: StageProgress,
) {
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

type CheckpointOffer = Extract<HeardMessage, { readonly type: 'checkpoint' }>;

interface Taking {
  readonly checkpoint: Checkpoint;
  readonly running: RunningMachine;
  readonly progress: StageProgress;
}

/** The guest waits for the answer. Without a checkpoint the build goes on all the same. */
async function takeCheckpoint(
  { name, key }: CheckpointOffer,
  { checkpoint, running, progress }: Taking,
): Promise<void> {
  // A machine that is paused says nothing.
  const patience = setInterval(() => progress.heard(), PATIENCE_MILLISECONDS);
  try {
    if (checkpoint.type !== 'take' || checkpoint.key !== key)
      throw new TypeError('this checkpoint was not asked for');
    await running.checkpoint(checkpoint.path, progress);
    await checkpoint.onTaken();
    running.link.write(encodeHostMessage({ type: 'checkpoint-taken', name }));
  } catch (thrown) {
    const why = messageOf(thrown);
    running.link.write(encodeHostMessage({ type: 'checkpoint-refused', name, why }));
    if (!progress.signal.aborted)
      progress.notice(`The next build cannot start from installed packages: ${why}`);
  } finally {
    clearInterval(patience);
  }
}

const PATIENCE_MILLISECONDS = 5000;

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
  readonly #onCheckpoint: (offer: CheckpointOffer) => void;
  #steps: readonly { readonly name: string; readonly title: string }[] = [];

  constructor(progress: StageProgress, onCheckpoint: (offer: CheckpointOffer) => void) {
    this.#progress = progress;
    this.#onCheckpoint = onCheckpoint;
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
      case 'checkpoint':
        return this.#onCheckpoint(message);
      case 'hello':
      case 'step-finished':
      case 'alive':
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
