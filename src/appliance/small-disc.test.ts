/** Other programs read the disc: blkid its label, xorriso its file under both of its names. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../system/run.ts';
import { smallDisc } from './small-disc.ts';
import { temporaryFolder } from './testing/fixtures.ts';

describe.each([0, 1, 2048, 5000])('a disc with a file of %i bytes', (bytes) => {
  const content = Buffer.alloc(bytes, 'values ');

  test('is read by blkid and xorriso', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'disc.iso');
    await writeFile(path, smallDisc({ label: 'OVF ENV', fileName: 'ovf-env.xml', content }));
    const { stdout } = await run(['blkid', '-p', '-o', 'export', path]);
    expect(stdout).toContain('TYPE=iso9660');
    expect(stdout).toContain('LABEL=OVF\\ ENV');
    for (const [read, name] of [
      ['any', 'ovf-env.xml'],
      ['ecma119', 'OVF_ENV.XML'],
    ] as const) {
      const target = join(folder.path, name);
      const argv = ['xorriso', '-read_fs', read, '-osirrox', 'on', '-indev', path];
      await run([...argv, '-extract', `/${name}`, target]);
      expect((await readFile(target)).equals(content)).toBe(true);
    }
  });
});
