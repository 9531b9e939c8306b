import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { eachConcurrently } from './concurrently.ts';

const { signal } = new AbortController();

it('works on all items in order, no more at a time than allowed', async () => {
  const begun: number[] = [];
  let running = 0;
  let most = 0;
  await eachConcurrently([1, 2, 3, 4, 5], { limit: 2, signal }, async (item) => {
    begun.push(item);
    running += 1;
    most = Math.max(most, running);
    await sleep(5);
    running -= 1;
  });
  expect({ begun, running, most }).toEqual({ begun: [1, 2, 3, 4, 5], running: 0, most: 2 });
});

it('begins nothing after a failure, tells the others, and waits for them', async () => {
  const ended: string[] = [];
  const work = eachConcurrently(
    ['bad', 'slow', 'never'],
    { limit: 2, signal },
    async (item, own) => {
      if (item === 'bad') throw new Error('it is bad');
      await new Promise((resolve) => own.addEventListener('abort', resolve));
      await sleep(20);
      ended.push(item);
    },
  );
  await expect(work).rejects.toThrow('it is bad');
  expect(ended).toEqual(['slow']);
});

it('ends with the reason of the whole', async () => {
  const whole = new AbortController();
  const work = eachConcurrently([1, 2], { limit: 1, signal: whole.signal }, async () => {
    whole.abort(new Error('stopped'));
    throw new Error('a consequence');
  });
  await expect(work).rejects.toThrow('stopped');
});
