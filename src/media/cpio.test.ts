import { mkdir, readFile, readlink, stat } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { run } from '../system/run.ts';
import { type CpioEntry, cpioArchive } from './cpio.ts';
import { scratchFolder } from './scratch-folder.test-support.ts';

const folder = scratchFolder();

/** Names and contents of every length, so that all paddings occur. */
const LENGTHS = [0, 1, 2, 3, 4, 5];
const ENTRIES: readonly CpioEntry[] = [
  { type: 'folder', path: 'bin', mode: 0o755 },
  ...LENGTHS.map(
    (length): CpioEntry => ({
      type: 'file',
      path: `bin/${'n'.repeat(length + 1)}`,
      mode: 0o640,
      content: Buffer.alloc(length, 'x'),
    }),
  ),
  { type: 'symlink', path: 'bin/link', target: 'nn' },
];

test('cpio unpacks what was packed', async () => {
  await mkdir(folder.path('out'));
  await run(['cpio', '--extract', '--quiet'], {
    input: cpioArchive(ENTRIES, 1_700_000_000),
    cwd: folder.path('out'),
  });
  for (const length of LENGTHS) {
    const path = folder.path('out', 'bin', 'n'.repeat(length + 1));
    expect(await readFile(path, 'utf8')).toBe('x'.repeat(length));
    expect((await stat(path)).mode & 0o777).toBe(0o640);
  }
  expect(await readlink(folder.path('out', 'bin', 'link'))).toBe('nn');
});

test('cpio lists owner, time and device numbers', async () => {
  const console: CpioEntry = {
    type: 'character-device',
    path: 'console',
    mode: 0o600,
    major: 5,
    minor: 1,
  };
  const { stdout } = await run(['cpio', '--list', '--verbose', '--numeric-uid-gid', '--quiet'], {
    input: cpioArchive([console, ...ENTRIES], 1_700_000_000),
    env: { TZ: 'UTC' },
  });
  const [first = '', second = ''] = stdout.split('\n');
  expect(first).toMatch(/^crw-------\s+1 0\s+0\s+5,\s+1 Nov 14\s+2023 console$/);
  expect(second).toMatch(/^drwxr-xr-x\s+2 0\s+0\s+0 Nov 14\s+2023 bin$/);
});
