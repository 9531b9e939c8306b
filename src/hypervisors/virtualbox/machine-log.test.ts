import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LogReader, newsOf, processOf } from './machine-log.ts';

describe('a line of VBox.log', () => {
  it.each([
    [
      '00:00:00.984432 ACPI: Entering S5 power state (power down)',
      { type: 'stopped', by: 'guest' },
    ],
    ["00:00:05.1 Changing the VM state from 'RUNNING' to 'RESETTING'", { type: 'reset' }],
    [
      "00:00:05.1 Changing the VM state from 'RUNNING' to 'GURU_MEDITATION'",
      { type: 'crashed', reason: 'VirtualBox cannot go on (guru meditation); VBox.log tells why' },
    ],
    [
      '00:01:02.3 Console: VM runtime error: fatal=false, errorID=DrvVD_DISKFULL message="Host system reported disk full."',
      {
        type: 'disk-error',
        reason: 'no space is left on the host for the disk of the machine',
      },
    ],
    ["00:00:00.623090 Changing the VM state from 'POWERING_ON' to 'RUNNING'", undefined],
  ])('%s', (line, news) => {
    expect(newsOf(line)).toEqual(news);
  });

  it('may name the process', () => {
    expect(processOf('00:00:00.1 Process ID: 4711')).toBe(4711);
    expect(processOf('00:00:00.1 Package type: LINUX_64BITS_GENERIC')).toBeUndefined();
  });
});

it('is read when it is whole, and once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pvmc-test-'));
  const path = join(folder, 'VBox.log');
  const log = new LogReader(path);
  expect(await log.newLines()).toEqual([]);
  await appendFile(path, 'one\ntw');
  expect(await log.newLines()).toEqual(['one']);
  expect(await log.newLines()).toEqual([]);
  await appendFile(path, 'o\nthree\n');
  expect(await log.newLines()).toEqual(['two', 'three']);
  await rm(folder, { recursive: true });
});
