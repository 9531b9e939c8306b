import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { processState } from './process-fields.ts';
import { startTimeOf } from './start-time.ts';

describe('the start time of a process', () => {
  it('is the same at each look, and absent without a process', async () => {
    const first = await startTimeOf(process.pid);
    expect(first).toMatch(/^\d+$/);
    expect(await startTimeOf(process.pid)).toBe(first);
    expect(await startTimeOf(2 ** 30)).toBeUndefined();
  });

  it('is not known elsewhere than on Linux, but whether there is a process', async () => {
    const own = await startTimeOf(process.pid, 'darwin');
    expect(own).toMatch(/^\d+$/);
    expect(await startTimeOf(process.ppid, 'win32')).toBe(own);
    expect(await startTimeOf(2 ** 30, 'darwin')).toBeUndefined();
  });

  it('is absent of one that has ended, when nobody asks how', async () => {
    // The shell becomes a program that knows nothing of its child.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60']);
    try {
      const [pid] = (await once(parent.stdout, 'data')) as [Buffer];
      const child = Number(pid.toString());
      expect(await startTimeOf(child)).toMatch(/^\d+$/);
      process.kill(child, 'SIGKILL');
      await vi.waitFor(async () => expect(await processState(String(child))).toBe('Z'));
      expect(await startTimeOf(child)).toBeUndefined();
    } finally {
      parent.kill('SIGKILL');
    }
  });
});
