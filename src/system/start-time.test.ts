import { describe, expect, it } from 'vitest';
import { startTimeOf } from './start-time.ts';

describe('the start time of a process', () => {
  it('is the same at each look, and absent without a process', async () => {
    const first = await startTimeOf(process.pid);
    expect(first).toMatch(/^\d+$/);
    expect(await startTimeOf(process.pid)).toBe(first);
    expect(await startTimeOf(2 ** 30)).toBeUndefined();
  });
});
