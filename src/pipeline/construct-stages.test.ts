/** Stages 2 to 5 with a hypervisor whose machines are plays: what the host makes of what a guest does. */
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { manifestSchema } from '../manifest/schema.ts';
import { Releases } from '../system/releases.ts';
import { type Play, SimulatedHypervisor } from '../verify/simulated-hypervisor.test-support.ts';
import { type BuildFolder, closeBuildFolder } from './build-folder.ts';
import { type Checkpoint, constructAppliance } from './construct-stages.ts';
import type { BuildEvent, StageName } from './events.ts';
import { limitsFor, type Timeouts } from './limits.ts';
import { StageOrder } from './stage-order.ts';
import { StageRunner } from './stage-runner.ts';
import { makeTinyBuild } from './tiny-build.test-support.ts';

const MANIFEST = manifestSchema.parse({ name: 'tiny', version: '1.0' });
const HELLO = { type: 'hello', constructor: 'node', kernel: '6.12.41', uptimeSeconds: 30 };
const GOOD = { type: 'verdict', verdict: { ok: true, seconds: 100 } };

let output = '';
let folder: BuildFolder;

beforeEach(async () => {
  ({ output, folder } = await makeTinyBuild());
  // The simulated hypervisor makes none.
  await writeFile(folder.diskPath, '');
});

afterEach(async () => {
  await closeBuildFolder(folder);
  await rm(output, { recursive: true, force: true });
});

interface Wanted {
  readonly timeouts?: Timeouts;
  readonly checkpoint?: Checkpoint;
  readonly until?: StageName;
  readonly emulated?: boolean;
}

function constructing(play: Play, wanted: Wanted = {}) {
  const { timeouts = {}, checkpoint = { type: 'none' }, until, emulated = false } = wanted;
  let words: readonly string[] = [];
  const hypervisor = new SimulatedHypervisor((self) => {
    words = self.heard;
    return play(self);
  });
  hypervisor.accelerated = !emulated;
  const events: BuildEvent[] = [];
  const controller = new AbortController();
  const stages = new StageRunner((event) => events.push(event), controller.signal);
  const releases = new Releases();
  const options = {
    manifest: MANIFEST,
    folder,
    hypervisor,
    limits: limitsFor({ available: true }, timeouts),
    checkpoint,
    order: new StageOrder({ verify: true, reuse: 'same', until }),
    stages,
    releases,
  };
  const work = async () => {
    try {
      await constructAppliance(options);
    } finally {
      await releases.releaseAll();
    }
  };
  const done = work();
  return { done, events, hypervisor, stages, controller, heard: () => words.join('') };
}

/** A guest that does one step, and then what is told. */
function guest(rest: Play): Play {
  return async (self) => {
    self.say(HELLO);
    self.say({ type: 'plan', steps: [{ name: 'install', title: 'Install the packages' }] });
    self.say({ type: 'step-started', step: 'install' });
    await rest(self);
  };
}

/** Until the host has read what was said. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

describe('a guest that gives a good verdict and powers off', () => {
  const good = guest(async ({ say, end }) => {
    say({ type: 'amount', step: 'install', amount: { done: 1, total: 2, unit: 'packages' } });
    say({ type: 'log', origin: 'dpkg', line: 'Unpacking one' });
    say({ type: 'notice', line: 'a word' });
    say({ type: 'step-finished', step: 'install', seconds: 1 });
    say(GOOD);
    await pause();
    end({ type: 'stopped', by: 'guest' });
  });

  test('passes through the stages 2 to 5, and its words become events', async () => {
    const { done, events } = constructing(good);
    await done;
    const seconds: unknown = expect.any(Number);
    const result: unknown = expect.any(String);
    const start = events.findIndex(
      (event) => event.type === 'stage-started' && event.stage === 'construct',
    );
    const finished = events.filter(({ type }) => type === 'stage-finished');
    expect(finished).toMatchObject([
      { stage: 'machine', result: expect.stringContaining('1 GiB of memory, 2 CPUs, 8 GiB disk') },
      { stage: 'start', result: 'Simulated 1.0' },
      { stage: 'boot', result: 'Linux 6.12.41' },
      { stage: 'construct', result: 'in the guest 1 min 40 s' },
    ]);
    const stage = 'construct';
    const step = 'install';
    const title = 'Install the packages';
    expect(events.slice(start)).toEqual([
      { type: 'stage-started', stage },
      { type: 'step-started', stage, step, title, index: 1, count: 1 },
      { type: 'amount', stage, amount: { done: 1, total: 2, unit: 'packages' } },
      { type: 'log', origin: 'dpkg', line: 'Unpacking one' },
      { type: 'notice', line: 'a word' },
      { type: 'step-finished', stage, step, seconds },
      { type: 'stage-finished', stage, seconds, result },
    ]);
  });

  test('had the machine that the manifest wants, and leaves none', async () => {
    const { done, hypervisor } = constructing(good);
    await done;
    expect(hypervisor.specifications).toHaveLength(1);
    expect(hypervisor.specifications[0]).toMatchObject({
      name: `pvmc-${folder.name}`,
      memoryBytes: MANIFEST.machine.memory,
      cpus: MANIFEST.machine.cpus,
      firmware: MANIFEST.machine.firmware,
      network: 'nat',
      disk: { type: 'create', path: folder.diskPath, sizeBytes: MANIFEST.machine.disk },
      mediumPath: folder.mediumPath,
    });
    expect([hypervisor.running, hypervisor.existing]).toEqual([0, 0]);
  });
});

describe('a checkpoint', () => {
  const offering = guest(async ({ say, heard, end }) => {
    say({ type: 'checkpoint', name: 'install', key: '0123' });
    while (!heard.at(-1)?.includes('checkpoint-')) await pause();
    say(GOOD);
    await pause();
    end({ type: 'stopped', by: 'guest' });
  });
  const path = () => folder.checkpointPath;

  test('that the guest offers is copied before the guest is told to go on', async () => {
    await writeFile(folder.diskPath, 'all packages');
    const taken: string[] = [];
    const onTaken = async () => void taken.push(await readFile(path(), 'utf8'));
    const { done, heard } = constructing(offering, {
      checkpoint: { type: 'take', path: path(), key: '0123', onTaken },
    });
    await done;
    expect(taken).toEqual(['all packages']);
    expect(heard()).toMatch(/"welcome","checkpoints":true.*"checkpoint-taken","name":"install"/s);
  });

  test('that cannot be copied is no reason to fail', async () => {
    const onTaken = () => Promise.reject(new Error('the disk is full'));
    const { done, events, heard } = constructing(offering, {
      checkpoint: { type: 'take', path: path(), key: '0123', onTaken },
    });
    await done;
    expect(heard()).toMatch(/"checkpoint-refused","name":"install","why":"the disk is full"/);
    expect(events).toContainEqual({
      type: 'notice',
      line: 'The next build cannot start from installed packages: the disk is full',
    });
  });

  test('with another key than the packages have is none', async () => {
    const onTaken = () => Promise.reject(new Error('never'));
    const checkpoint = { type: 'take', path: path(), key: '4567', onTaken } as const;
    const { done, heard } = constructing(offering, { checkpoint });
    await done;
    expect(heard()).toContain('"checkpoint-refused"');
    expect(existsSync(path())).toBe(false);
  });

  test('of an earlier build is what the disk begins as', async () => {
    await writeFile(path(), 'all packages');
    await rm(folder.diskPath);
    const checkpoint = { type: 'start', build: 'tiny-0.9', path: path() } as const;
    const { done, events, hypervisor } = constructing(offering, { checkpoint });
    await done;
    expect(await readFile(folder.diskPath, 'utf8')).toBe('all packages');
    expect(hypervisor.specifications[0]?.disk).toMatchObject({ type: 'existing', format: 'raw' });
    const result: unknown = expect.stringContaining('with the packages as in tiny-0.9');
    expect(events).toContainEqual(expect.objectContaining({ stage: 'machine', result }));
  });
});

test('a build that is to stop after the boot does, and leaves no machine', async () => {
  const { done, events, hypervisor } = constructing(
    guest(async () => {}),
    { until: 'boot' },
  );
  await done;
  const finished = events.filter(({ type }) => type === 'stage-finished');
  expect(finished.map((event) => 'stage' in event && event.stage)).toEqual([
    'machine',
    'start',
    'boot',
  ]);
  expect([hypervisor.running, hypervisor.existing]).toEqual([0, 0]);
});

describe('a kernel that panics before the constructor speaks', () => {
  /** So many times; then all goes well. */
  function panicking(times: number): Play {
    let starts = 0;
    return async (self) => {
      starts += 1;
      if (starts > times) {
        self.say(HELLO);
        return;
      }
      await self.print('int3: 0000 [#1] SMP\nKernel panic - not syncing: Fatal exception\n');
      self.end({ type: 'panicked' });
    };
  }

  test('is started again when it is emulated, and the user is told', async () => {
    const trial = constructing(panicking(2), { until: 'boot', emulated: true });
    await trial.done;
    const notices = trial.events.filter(({ type }) => type === 'notice');
    expect(notices).toEqual([
      expect.objectContaining({ line: expect.stringContaining('it is started again') }),
      expect.objectContaining({ line: expect.stringContaining('it is started again') }),
    ]);
    expect(trial.hypervisor.specifications).toHaveLength(1);
    expect([trial.hypervisor.running, trial.hypervisor.existing]).toEqual([0, 0]);
  });

  test.each([
    ['on a real processor the first time', { emulated: false, times: 1 }],
    ['the third time', { emulated: true, times: 3 }],
  ])('has failed %s', async (_when, { emulated, times }) => {
    const trial = constructing(panicking(times), { emulated });
    await expect(trial.done).rejects.toMatchObject({
      code: 'guest-panicked',
      details: [expect.stringContaining('Fatal exception')],
    });
    expect([trial.hypervisor.running, trial.hypervisor.existing]).toEqual([0, 0]);
  });
});

describe('a failure', () => {
  async function failing(play: Play, timeouts: Timeouts = {}) {
    const { done, hypervisor, stages } = constructing(play, { timeouts });
    const failure = await done.catch((thrown: unknown) => thrown);
    expect([hypervisor.running, hypervisor.existing]).toEqual([0, 0]);
    return { failure, stages };
  }

  test('is the guest’s verdict, word for word, with a picture of its screen', async () => {
    const verdict = {
      ok: false,
      step: 'install',
      code: 'install-failed',
      message: 'the packages could not be installed',
      hint: 'Look above.',
      details: ['dpkg: error'],
    };
    const { failure, stages } = await failing(
      guest(async ({ say }) => say({ type: 'verdict', verdict })),
    );
    const { ok: _ok, step, ...rest } = verdict;
    expect(failure).toMatchObject({ kind: 'construct', ...rest });
    expect([stages.stage, stages.step]).toEqual(['construct', step]);
    expect(await readFile(folder.screenshotPath, 'utf8')).toBe('a picture');
  });

  test('is a power-off without a verdict', async () => {
    const { failure } = await failing(
      guest(async ({ end }) => {
        await pause();
        end({ type: 'stopped', by: 'guest' });
      }),
    );
    expect(failure).toMatchObject({ kind: 'machine', code: 'no-verdict' });
  });

  test('is a machine that is ended from outside after its good verdict', async () => {
    const { failure } = await failing(
      guest(async ({ say, end }) => {
        say(GOOD);
        await pause();
        end({ type: 'killed', reason: 'SIGKILL', outOfMemory: false });
      }),
    );
    expect(failure).toMatchObject({ kind: 'machine', code: 'no-power-off' });
  });

  test('is a guest that never greets', async () => {
    const { failure, stages } = await failing(async () => {}, { boot: 0.05 });
    expect(failure).toMatchObject({ code: 'time-limit' });
    expect(stages.stage).toBe('boot');
  });

  test('is a guest that falls silent', async () => {
    const { failure, stages } = await failing(
      guest(async () => {}),
      { silence: 0.1 },
    );
    expect(failure).toMatchObject({ code: 'silence-limit' });
    expect([stages.stage, stages.step]).toEqual(['construct', 'install']);
  });

  test('is the user’s interruption', async () => {
    const { done, hypervisor, controller } = constructing(guest(async () => {}));
    const reason = new Error('Ctrl-C');
    setTimeout(() => controller.abort(reason), 50);
    await expect(done).rejects.toBe(reason);
    expect([hypervisor.running, hypervisor.existing]).toEqual([0, 0]);
  });
});
