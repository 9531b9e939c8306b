import { describe, expect, test } from 'vitest';
import { PvmcError } from '../system/error.ts';
import type { BuildEvent } from './events.ts';
import { aborted, type StageProgress, StageRunner } from './stage-runner.ts';

function runner() {
  const events: BuildEvent[] = [];
  const controller = new AbortController();
  const stages = new StageRunner((event) => events.push(event), controller.signal);
  return { events, controller, stages };
}

const seconds: unknown = expect.any(Number);
const nothing = async () => ({ value: undefined, result: 'done' });
/** Work that is at it until it is told to stop. */
const endless = async ({ signal }: StageProgress) => aborted(signal);

describe('a stage', () => {
  test('begins, does its steps one after the other, ends, and hands on', async () => {
    const { events, stages } = runner();
    const value = await stages.run('media', { limitSeconds: 60 }, async (progress) => {
      progress.step({ name: 'one', title: 'Do one', index: 1, count: 2 });
      expect([stages.stage, stages.step]).toEqual(['media', 'one']);
      progress.amount({ done: 1, total: 3, unit: 'files' });
      progress.step({ name: 'two', title: 'Do two', index: 2, count: 2 });
      progress.log('a line');
      progress.log('another', 'mke2fs');
      progress.notice('look here');
      return { value: 42, result: 'three files' };
    });
    expect(value).toBe(42);
    const stage = 'media';
    expect(events).toEqual([
      { type: 'stage-started', stage },
      { type: 'step-started', stage, step: 'one', title: 'Do one', index: 1, count: 2 },
      { type: 'amount', stage, amount: { done: 1, total: 3, unit: 'files' } },
      { type: 'step-finished', stage, step: 'one', seconds },
      { type: 'step-started', stage, step: 'two', title: 'Do two', index: 2, count: 2 },
      { type: 'log', origin: 'pvmc', line: 'a line' },
      { type: 'log', origin: 'mke2fs', line: 'another' },
      { type: 'notice', line: 'look here' },
      { type: 'step-finished', stage, step: 'two', seconds },
      { type: 'stage-finished', stage, seconds, result: 'three files' },
    ]);
  });

  test('is timed', async () => {
    const { stages } = runner();
    await stages.run('media', { limitSeconds: 60 }, nothing);
    await stages.run('boot', { limitSeconds: 60 }, async () => {
      await new Promise((resolve) => setTimeout(resolve, 30));
      return nothing();
    });
    expect(Object.keys(stages.seconds)).toEqual(['media', 'boot']);
    expect(stages.seconds.boot).toBeGreaterThan(0.025);
    expect(stages.seconds.media).toBeLessThan(stages.seconds.boot ?? 0);
  });

  test('that fails is known, with its step, and is not finished', async () => {
    const { events, stages } = runner();
    const failure = new PvmcError({ kind: 'host', code: 'no-space', message: 'full' });
    const work = async (progress: StageProgress) => {
      progress.step({ name: 'base', title: 'Prepare', index: 1 });
      throw failure;
    };
    await expect(stages.run('media', { limitSeconds: 60 }, work)).rejects.toBe(failure);
    expect([stages.stage, stages.step]).toEqual(['media', 'base']);
    expect(stages.seconds).toEqual({});
    expect(events.map(({ type }) => type)).toEqual(['stage-started', 'step-started']);
  });

  test('leaves no step to the next', async () => {
    const { stages } = runner();
    await stages.run('media', { limitSeconds: 60 }, async (progress) => {
      progress.step({ name: 'one', title: 'Do one', index: 1 });
      return nothing();
    });
    const failing = stages.run('machine', { limitSeconds: 60 }, async () => {
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect([stages.stage, stages.step]).toEqual(['machine', undefined]);
  });
});

describe('no wait without an end', () => {
  test('a stage ends at its limit', async () => {
    const { stages } = runner();
    await expect(stages.run('boot', { limitSeconds: 0.05 }, endless)).rejects.toMatchObject({
      kind: 'machine',
      code: 'time-limit',
      message: 'the stage boot was not done within 0.1 s',
    });
  });

  test('a silent guest ends it sooner', async () => {
    const { stages } = runner();
    const limits = { limitSeconds: 60, silenceSeconds: 0.05 };
    await expect(stages.run('construct', limits, endless)).rejects.toMatchObject({
      code: 'silence-limit',
      message: 'no word from the guest for 0.1 s',
    });
  });

  test('a guest that is heard does not', async () => {
    const { stages } = runner();
    const limits = { limitSeconds: 60, silenceSeconds: 0.4 };
    const done = stages.run('construct', limits, async (progress) => {
      for (let word = 0; word < 6; word += 1) {
        await new Promise((resolve) => setTimeout(resolve, 80));
        progress.heard();
      }
      progress.signal.throwIfAborted();
      return nothing();
    });
    await expect(done).resolves.toBeUndefined();
  });

  test('the user’s interruption ends the running stage, with its reason', async () => {
    const { controller, stages } = runner();
    const reason = new PvmcError({ kind: 'interrupted', code: 'interrupted', message: 'Ctrl-C' });
    setTimeout(() => controller.abort(reason), 20);
    await expect(stages.run('boot', { limitSeconds: 60 }, endless)).rejects.toBe(reason);
  });

  test('after an interruption no stage begins', async () => {
    const { controller, events, stages } = runner();
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(stages.run('media', { limitSeconds: 60 }, nothing)).rejects.toBe(reason);
    expect(events).toEqual([]);
  });
});

test('an abortion without a reason that is an error gets one', async () => {
  await expect(aborted(AbortSignal.abort('just so'))).rejects.toMatchObject({
    kind: 'interrupted',
    code: 'interrupted',
  });
});
