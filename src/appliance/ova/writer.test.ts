import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../../system/run.ts';
import { temporaryFolder, withFile } from '../testing/fixtures.ts';
import { writeOva } from './writer.ts';

// The place for the descriptor is left free before the disk's size is known: 16 digits at first.
it.each([
  ['takes the blocks that were left for it', 400, 404],
  ['is filled up when it got shorter by a block', 500, 513],
  ['stays as it is when it got shorter within a block', 600, 604],
])('a descriptor %s', async (_, length, expected) => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a.ova');
  await withFile(path, async (file) => {
    async function* disk() {
      yield Buffer.alloc(1000, 'a');
      yield Buffer.alloc(24, 'b');
    }
    await writeOva(file, {
      names: { descriptor: 'a.ovf', digests: 'a.mf' },
      sourceDateEpoch: 0,
      descriptor: ([one]) => `${'x'.repeat(length)}${one?.sizeBytes}`,
      files: [{ name: 'a-disk1.vmdk', content: disk() }],
    });
  });
  await run(['tar', '-xf', path, '-C', folder.path]);
  const descriptor = await readFile(join(folder.path, 'a.ovf'), 'utf8');
  expect(descriptor.length).toBe(expected);
  expect(descriptor.trimEnd()).toBe(`${'x'.repeat(length)}1024`);
  const disk = await readFile(join(folder.path, 'a-disk1.vmdk'), 'utf8');
  expect(disk).toBe('a'.repeat(1000) + 'b'.repeat(24));
});

it('a signature is made of the digests, and filled up when it is shorter by a block', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'a.ova');
  const signed: string[] = [];
  await withFile(path, async (file) => {
    async function* disk() {
      yield Buffer.alloc(1000, 'a');
    }
    await writeOva(file, {
      names: { descriptor: 'a.ovf', digests: 'a.mf' },
      sourceDateEpoch: 0,
      descriptor: () => 'a descriptor',
      files: [{ name: 'a-disk1.vmdk', content: disk() }],
      signature: {
        name: 'a.cert',
        longestBytes: 513,
        sign: async (digests) => {
          signed.push(digests.toString());
          return Buffer.alloc(500, 's');
        },
      },
    });
  });
  await run(['tar', '-xf', path, '-C', folder.path]);
  expect(signed).toEqual([await readFile(join(folder.path, 'a.mf'), 'utf8')]);
  expect(await readFile(join(folder.path, 'a.cert'), 'utf8')).toBe(
    's'.repeat(500).padEnd(513, '\n'),
  );
});
