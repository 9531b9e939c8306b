import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PvmcError } from '../system/error.ts';
import { lookOut } from './look-out.ts';

const LOSS = new PvmcError({ kind: 'construct', code: 'guest-disk-lost', message: 'gone' });

test('a loss is told once', async () => {
  const told: PvmcError[] = [];
  let looks = 0;
  lookOut({
    look: () => (++looks > 3 ? LOSS : undefined),
    onLost: (loss) => told.push(loss),
    intervalMilliseconds: 1,
  });
  await expect.poll(() => told).toEqual([LOSS]);
  await sleep(20);
  expect({ told, looks }).toEqual({ told: [LOSS], looks: 4 });
});

test('nobody is told after the end', async () => {
  let looks = 0;
  const end = lookOut({
    look: () => (++looks > 1 ? LOSS : undefined),
    onLost: () => expect.unreachable(),
    intervalMilliseconds: 5,
  });
  end();
  await sleep(30);
  expect(looks).toBe(1);
});
