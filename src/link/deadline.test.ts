import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Deadline } from './deadline.ts';

function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });
}

describe('a deadline', () => {
  it('ends what takes too long, and names it', async () => {
    const deadline = new Deadline({ what: 'the construction', limitSeconds: 0.05 });
    expect(await aborted(deadline.signal)).toMatchObject({
      code: 'time-limit',
      message: 'the construction was not done within 0.1 s',
    });
  });

  it('ends what is silent for too long, and names who', async () => {
    const deadline = new Deadline({
      what: 'the boot',
      whom: 'the guest',
      limitSeconds: 60,
      silenceSeconds: 0.1,
    });
    expect(await aborted(deadline.signal)).toMatchObject({
      code: 'silence-limit',
      message: 'no word from the guest for 0.1 s',
    });
  });

  it('lets go on what is heard of, until it falls silent', async () => {
    const deadline = new Deadline({ what: 'x', limitSeconds: 60, silenceSeconds: 0.3 });
    const started = performance.now();
    for (let turn = 0; turn < 5; turn += 1) {
      await sleep(100);
      deadline.heard();
    }
    expect(deadline.signal.aborted).toBe(false);
    await aborted(deadline.signal);
    expect(performance.now() - started).toBeGreaterThan(750);
  });

  it('does not count time in which this process stood still', async () => {
    using deadline = new Deadline({ what: 'x', limitSeconds: 60, silenceSeconds: 1 });
    // Stands still as when it is stopped by Ctrl-Z.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
    await sleep(100);
    expect(deadline.signal.aborted).toBe(false);
    deadline.heard();
  });

  it('is over when it is disposed of', async () => {
    const deadline = new Deadline({ what: 'x', limitSeconds: 0.02, silenceSeconds: 0.02 });
    deadline.dispose();
    await sleep(60);
    expect(deadline.signal.aborted).toBe(false);
  });

  it('passes on the reason of the run that it belongs to', () => {
    const run = new AbortController();
    const deadline = new Deadline({ what: 'x', limitSeconds: 60, signal: run.signal });
    run.abort(new Error('Ctrl-C'));
    expect(deadline.signal.reason).toEqual(new Error('Ctrl-C'));
    deadline.dispose();
  });
});
