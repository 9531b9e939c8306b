import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from './run.ts';
import { copySparse } from './sparse-copy.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-test-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);

describe('a sparse copy', () => {
  it('says the same and takes no more space, in place of an earlier one', async () => {
    await using disk = await open(at('disk'), 'w');
    await disk.truncate(2 ** 30);
    await disk.write('in the middle', 2 ** 29);
    await writeFile(at('copy'), 'an earlier one');
    await copySparse(at('disk'), at('copy'));
    const { size, blocks } = await stat(at('copy'));
    expect(size).toBe(2 ** 30);
    expect(blocks * 512).toBeLessThan(2 ** 20);
    await using copy = await open(at('copy'));
    const middle = Buffer.alloc(13);
    await copy.read(middle, 0, 13, 2 ** 29);
    expect(middle.toString()).toBe('in the middle');
  });

  it('leaves nothing of itself when it fails, and an earlier one as it was', async () => {
    await writeFile(at('copy'), 'an earlier one');
    await expect(copySparse(at('missing'), at('copy'))).rejects.toMatchObject({
      code: 'copy-failed',
      message: `${at('missing')} cannot be copied to ${at('copy')}`,
    });
    expect(await readdir(folder)).toEqual(['copy']);
    expect(await readFile(at('copy'), 'utf8')).toBe('an earlier one');
  });

  it('leaves nothing of itself when it is aborted', async () => {
    await writeFile(at('disk'), Buffer.alloc(64 * 2 ** 20, 1));
    const abort = new AbortController();
    const reason = new Error('Ctrl-C');
    const copying = copySparse(at('disk'), at('copy'), { signal: abort.signal });
    abort.abort(reason);
    await expect(copying).rejects.toBe(reason);
    expect(await readdir(folder)).toEqual(['disk']);
  });

  it('says that there is no room', async (context) => {
    if (process.getuid?.() !== 0) context.skip('only root can mount a file system of its own');
    await writeFile(at('disk'), Buffer.alloc(2 ** 20, 1));
    const small = at('small');
    await mkdir(small);
    await run(['mount', '-t', 'tmpfs', '-o', 'size=64k', 'none', small]);
    try {
      await expect(copySparse(at('disk'), join(small, 'copy'))).rejects.toMatchObject({
        code: 'no-space',
        message: `there is no room to copy ${at('disk')} to ${join(small, 'copy')}`,
      });
      expect(await readdir(small)).toEqual([]);
    } finally {
      await run(['umount', small]);
    }
  });
});
