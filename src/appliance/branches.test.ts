import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Reader, readSideBySide } from './branches.ts';

/** Numbers, and what was done with their source. */
function numbers(count: number) {
  const seen = { asked: 0, closed: 0 };
  async function* source() {
    try {
      for (let number = 1; number <= count; number += 1) {
        seen.asked = number;
        yield number;
      }
    } finally {
      seen.closed += 1;
    }
  }
  return { source: source(), seen };
}

const sum: Reader<number, number> = async (branch) => {
  let total = 0;
  for await (const number of branch) total += number;
  return total;
};

/** Reads some, then does as it is told. */
const after =
  (count: number, work: () => Promise<number>): Reader<number, number> =>
  async (branch) => {
    let read = 0;
    for await (const _ of branch) if (++read === count) break;
    return work();
  };

const failing = () => Promise.reject(new Error('no room'));

describe('reading side by side', () => {
  it('gives each reader everything', async () => {
    const { source, seen } = numbers(100);
    expect(await readSideBySide(source, [sum, sum, sum])).toEqual([5050, 5050, 5050]);
    expect(seen.closed).toBe(1);
  });

  it('never goes further ahead than the slowest', async () => {
    const { source, seen } = numbers(20);
    const slow: Reader<number, number> = async (branch) => {
      for await (const number of branch) {
        expect(seen.asked).toBe(number);
        await sleep(1);
        expect(seen.asked).toBe(number);
      }
      return 0;
    };
    await readSideBySide(source, [sum, slow, sum]);
    expect(seen.asked).toBe(20);
  });

  it('goes on without those that leave, early or at once', async () => {
    const { source } = numbers(10);
    const never: Reader<number, number> = () => Promise.resolve(7);
    const leaving: Reader<number, number> = async (branch) => {
      await branch[Symbol.asyncIterator]().return?.();
      await sleep(20);
      return 8;
    };
    const few = after(3, () => sleep(5, 9));
    expect(await readSideBySide(source, [never, sum, leaving, few])).toEqual([7, 55, 8, 9]);
  });

  it('closes the source when all have left', async () => {
    const { source, seen } = numbers(10);
    await readSideBySide(source, [after(2, () => sleep(1, 0)), after(3, () => sleep(1, 0))]);
    expect(seen).toEqual({ asked: 3, closed: 1 });
  });

  it.each([1, 3])('ends all when one fails at element %i, with its error', async (count) => {
    const { source, seen } = numbers(10);
    const work = readSideBySide(source, [sum, after(count, failing), sum]);
    await expect(work).rejects.toThrow('no room');
    expect(seen.closed).toBe(1);
    // It leaves before it fails, and the others may have gone on by one or two.
    expect(seen.asked).toBeLessThan(count + 4);
  });

  it('ends all when one fails that has read everything', async () => {
    const { source } = numbers(3);
    await expect(readSideBySide(source, [sum, after(9, failing)])).rejects.toThrow('no room');
  });

  it('tells every reader of a source that fails', async () => {
    async function* source() {
      yield 1;
      yield await Promise.reject(new Error('unreadable'));
    }
    const told: unknown[] = [];
    const listening: Reader<number, number> = async (branch) => {
      try {
        return await sum(branch);
      } catch (thrown) {
        told.push(thrown);
        throw new Error('of its own', { cause: thrown });
      }
    };
    const work = readSideBySide(source(), [listening, listening]);
    await expect(work).rejects.toThrow('unreadable');
    expect(told.map(String)).toEqual(['Error: unreadable', 'Error: unreadable']);
  });

  it('waits for what readers do behind their last element, unless another has failed', async () => {
    const { source } = numbers(3);
    let done = false;
    const late = after(9, async () => {
      await sleep(30);
      done = true;
      return 0;
    });
    await expect(readSideBySide(source, [late, after(1, failing)])).rejects.toThrow('no room');
    expect(done).toBe(false);
    await readSideBySide(numbers(3).source, [late]);
    expect(done).toBe(true);
  });
});
