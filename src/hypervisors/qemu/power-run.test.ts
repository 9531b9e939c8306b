import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PowerRun } from './power-run.ts';

test('a run that is called off while it begins does not start, and nobody waits for it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pvmc-power-run-'));
  try {
    const controller = new AbortController();
    const reason = new Error('called off');
    const starting = PowerRun.start({
      specification: {
        name: 'pvmc-test',
        memoryBytes: 2 ** 26,
        cpus: 1,
        firmware: 'bios',
        network: 'none',
        disk: { type: 'existing', path: join(folder, 'disk.raw'), format: 'raw' },
        devices: 'fast',
        consoleLogPath: join(folder, 'console.log'),
        runtimeFolder: folder,
      },
      accelerator: 'tcg',
      // It would never answer.
      argv: ['sleep', '60'],
      logPath: join(folder, 'qemu.log'),
      lastScreenPath: join(folder, 'screen.png'),
      signal: controller.signal,
    });
    // What it waits for first is the log's size.
    controller.abort(reason);
    await expect(starting).rejects.toBe(reason);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}, 5000);
