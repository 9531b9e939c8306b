/** The reader against real file systems of mke2fs, and against what debugfs says of them. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { codeOf, temporaryFolder } from '../../appliance/testing/fixtures.ts';
import { run } from '../../system/run.ts';
import { bytesSource, Region } from '../byte-source.ts';
import type { FileEntry } from '../file-system.ts';
import { type DiskRecipe, makeRoot, type Tree } from '../testing/small-disk.ts';
import { type Ext4, openExt4 } from './ext4.ts';
import { freeRanges } from './free-blocks.ts';

const NEVER = new AbortController().signal;
const noise = randomBytes(3 * 2 ** 20);
const sparse = Buffer.alloc(2 ** 20);
sparse.write('in the middle of nothing', 500_000);
// mke2fs 1.47.0 forgets zeros at the end where it may put content into inodes.
sparse.write('end', sparse.length - 3);

const TREE: Tree = {
  'etc/motd': 'Good morning\n',
  'etc/empty': '',
  'etc/sixty': 'x'.repeat(60),
  'etc/hundred': 'y'.repeat(100),
  'var/noise': noise,
  'var/sparse': sparse,
  'var/lib/a folder/with a very long name that goes on and on and on for a while/x': 'x',
  'etc/short': '-> motd',
  'etc/long': `-> ${'../etc/'.repeat(20)}motd`,
  'home/': '',
  ...Object.fromEntries(
    Array.from({ length: 200 }, (_, index) => [`many/file-with-a-long-name-${index}`, `${index}`]),
  ),
};

const EDITS = [
  'sif etc/motd mode 0104755',
  'sif etc/motd uid 70000',
  'sif etc/motd gid 100001',
  'sif etc/motd mtime 22000101000000',
  'ea_set etc/motd security.capability abc',
  'ea_set etc/empty user.note "something that is longer than what fits into the inode itself, so that it goes to a block of its own, which takes some more words than these few here"',
  'cd etc',
  'mknod disk b 8 300',
  'mknod console c 5 1',
  'mknod fifo p',
  'cd /',
  'ln etc/motd etc/again',
];

const SMALL = ['-b', '1024', '-N', '4096'];
const VARIANTS: readonly Pick<DiskRecipe, 'options' | 'type'>[] = [
  { type: 'ext4', options: [] },
  { type: 'ext4', options: ['-O', 'inline_data', '-I', '256'] },
  { type: 'ext4', options: ['-O', '^64bit', ...SMALL] },
  { type: 'ext4', options: ['-O', 'meta_bg,^resize_inode', '-g', '1024', ...SMALL] },
  { type: 'ext4', options: ['-I', '128'] },
  { type: 'ext3', options: ['-b', '4096'] },
  { type: 'ext2', options: SMALL },
];

const folders: AsyncDisposable[] = [];
afterAll(async () => {
  for (const folder of folders) await folder[Symbol.asyncDispose]();
});

describe.each(VARIANTS)('$type of mke2fs $options', (variant) => {
  const made = (async () => {
    const folder = await temporaryFolder();
    folders.push(folder);
    const path = await makeRoot({ folder: folder.path, root: TREE, edits: EDITS, ...variant });
    // What e2fsck -D does is what a large folder of a machine looks like: an index.
    await run(['e2fsck', '-fyD', path], { accept: [0, 1] });
    return { path, tree: join(folder.path, 'root') };
  })();

  test('has the entries that debugfs sees', async () => {
    const { path } = await made;
    const entries = await entriesOf(await opened(path));
    const folderPaths = [
      '',
      ...entries.filter(({ type }) => type === 'folder').map((one) => one.path),
    ];
    const seen = (await Promise.all(folderPaths.map((folder) => listing(path, folder)))).flat();
    expect(entries.map(lineOf).sort()).toEqual(seen.sort());
    expect(entries.length).toBeGreaterThan(200);
  });

  test('has the content that was put in', async () => {
    const { path, tree } = await made;
    const system = await opened(path);
    for (const entry of await entriesOf(system)) {
      if (entry.type !== 'file') continue;
      const name = entry.path === '/etc/again' ? '/etc/motd' : entry.path;
      const content = await system.content(entry);
      const bytes = await content.read(0, content.sizeBytes);
      expect(bytes.equals(await readFile(join(tree, name))), entry.path).toBe(true);
    }
  });

  test('has links, devices, owners and extended attributes', async () => {
    const { path } = await made;
    const found = Object.fromEntries(
      (await entriesOf(await opened(path))).map((one) => [one.path, one]),
    );
    expect(found['/etc/short']).toMatchObject({ type: 'link', target: 'motd' });
    expect(found['/etc/long']).toMatchObject({ target: `${'../etc/'.repeat(20)}motd` });
    expect(found['/etc/disk']).toMatchObject({ type: 'block device', device: '8:300' });
    expect(found['/etc/console']).toMatchObject({ type: 'character device', device: '5:1' });
    expect(found['/etc/fifo']).toMatchObject({ type: 'pipe' });
    expect(found['/etc/motd']).toMatchObject({
      mode: 0o4755,
      owner: '70000:100001',
      attributes: { 'security.capability': Buffer.from('abc').toString('hex') },
    });
    expect(found['/etc/again']?.identity).toBe(found['/etc/motd']?.identity);
    const note = found['/etc/empty']?.attributes['user.note'] ?? '';
    expect(Buffer.from(note, 'hex').toString()).toMatch(/^something that is longer/);
  });

  test('has the free blocks that dumpe2fs counts', async () => {
    const { path } = await made;
    const system = await opened(path);
    let bytes = 0;
    for await (const { lengthBytes } of freeRanges(system)) bytes += lengthBytes;
    const { stdout } = await run(['dumpe2fs', path]);
    const told = Number(/^Free blocks: +(\d+)/m.exec(stdout)?.[1]);
    const block = Number(/^Block size: +(\d+)/m.exec(stdout)?.[1]);
    expect(bytes).toBe(told * block);
    expect(system.freeBytes).toBe(told * block);
  });
});

describe('a hostile file system', () => {
  /** Changed at random places: no crash, no endless loop, nothing but the error for it. */
  test('ends with an error or with entries, whatever its bytes are', async () => {
    await using folder = await temporaryFolder();
    const root = { 'a/b/c': 'text', 'a/d': noise.subarray(0, 100_000), e: '-> a' };
    const path = await makeRoot({ folder: folder.path, root, options: ['-b', '1024'] });
    const image = await readFile(path);
    const used = [...image.subarray(0, 2 ** 19).keys()].filter((at) => image[at] !== 0);
    let broken = 0;
    for (let round = 0; round < 40; round += 1) {
      const bytes = Buffer.from(image);
      const changes = randomBytes(30);
      for (let index = 0; index < 10; index += 1) {
        const at = used[changes.readUInt16LE(index) % used.length] ?? 0;
        bytes[at] = changes[index + 12] ?? 0;
      }
      const code = await codeOf(readAll(bytes));
      if (code !== 'no failure') broken += 1;
      expect(['no failure', 'disk-invalid']).toContain(code);
    }
    expect(broken).toBeGreaterThan(0);
  });

  test.each([
    ['a folder that holds itself', ['ln a a/b/again'], 'is in two places'],
    ['an inode that is not there', ['sif a block[0] 99999'], 'leads to block 99999'],
    [
      'blocks for ever',
      ['sif a/d block[TIND] 40', 'sif a/d size 4000000000'],
      'has more blocks than',
    ],
    ['a folder of any size', ['sif a size 99999999999'], 'a folder has 99999999999 bytes'],
  ])('with %s', async (_, edits, message) => {
    await using folder = await temporaryFolder();
    const root = { 'a/b/c': 'text', 'a/d': noise.subarray(0, 100_000) };
    const options = ['-b', '1024'];
    const path = await makeRoot({ folder: folder.path, root, type: 'ext2', options, edits });
    const bytes = await readFile(path);
    // A list of block numbers that all lead to itself.
    if (edits[0]?.includes('block[TIND]'))
      bytes.fill(Buffer.from([40, 0, 0, 0]), 40 * 1024, 41 * 1024);
    await expect(readAll(bytes)).rejects.toThrow(message);
  });
});

describe('a hostile ext4', () => {
  test.each([
    // Of the root of its extents, which is in the inode: where the first one begins on the disk.
    ['an extent behind its end', ['sif a/d block[5] 99999999'], 'leads to block 99999999'],
    ['a tree of extents that is none', ['sif a/d block[0] 0'], 'has a tree of extents that is'],
    ['an inode of no type', ['sif a/d mode 0'], 'is of no type'],
    ['a link of any length', ['sif e mode 0120777', 'sif e size 99999999'], 'is too long'],
    ['attributes elsewhere', ['sif a/d file_acl 99999999'], 'something leads to byte'],
  ])('with %s', async (_, edits, message) => {
    await using folder = await temporaryFolder();
    const root = { 'a/b/c': 'text', 'a/d': noise.subarray(0, 100_000), e: 'file' };
    const path = await makeRoot({ folder: folder.path, root, options: ['-b', '1024'], edits });
    await expect(readAll(await readFile(path))).rejects.toThrow(message);
  });

  test('with links in circles, which nobody follows', async () => {
    await using folder = await temporaryFolder();
    const root = { a: '-> b', b: '-> a', lib: '-> lib', 'c/up': '-> ..', 'c/d': '-> ../c/d' };
    const path = await makeRoot({ folder: folder.path, root });
    const entries = await entriesOf(await opened(path));
    expect(entries.filter(({ type }) => type === 'link')).toHaveLength(5);
  });

  test.each([
    ['inodes', { at: 0, bytes: 4, value: 0xffff_ffff }],
    ['blocks', { at: 4, bytes: 4, value: 0xffff_ffff }],
    ['bytes in a block', { at: 24, bytes: 4, value: 60 }],
    ['blocks in a group', { at: 32, bytes: 4, value: 0xffff_ffff }],
    ['bytes in an inode', { at: 88, bytes: 2, value: 0xffff }],
  ])('with any number of %s in its superblock', async (what, { at, bytes, value }) => {
    await using folder = await temporaryFolder();
    const path = await makeRoot({ folder: folder.path, root: { a: 'text' } });
    const image = await readFile(path);
    image.writeUIntLE(value, 1024 + at, bytes);
    const message = what === 'blocks' ? 'more than fit' : 'impossible numbers';
    await expect(readAll(image)).rejects.toThrow(message);
  });
});

async function readAll(bytes: Buffer): Promise<void> {
  const system = await openExt4(region(bytes));
  if (!system) return;
  for (const entry of await entriesOf(system)) {
    if (entry.type !== 'file') continue;
    const content = await system.content(entry);
    await content.read(0, Math.min(content.sizeBytes, 2 ** 20));
  }
  for await (const { lengthBytes } of freeRanges(system)) expect(lengthBytes).toBeGreaterThan(0);
}

function region(bytes: Buffer): Region {
  return new Region(bytesSource(bytes), { start: 0, sizeBytes: bytes.length, called: 'the disk' });
}

async function opened(path: string): Promise<Ext4> {
  const system = await openExt4(region(await readFile(path)));
  if (!system) throw new Error('there is no file system');
  return system;
}

async function entriesOf(system: Ext4): Promise<FileEntry[]> {
  const entries: FileEntry[] = [];
  for await (const entry of system.entries(NEVER)) entries.push(entry);
  return entries;
}

const TYPE_BITS: Readonly<Record<string, number>> = {
  pipe: 0o010000,
  'character device': 0o020000,
  folder: 0o040000,
  'block device': 0o060000,
  file: 0o100000,
  link: 0o120000,
  socket: 0o140000,
};

function lineOf({ path, type, identity, mode = 0, owner, sizeBytes }: FileEntry): string {
  const bits = ((TYPE_BITS[type] ?? 0) | mode).toString(8).padStart(6, '0');
  return `${path} ${identity} ${bits} ${owner} ${type === 'file' ? sizeBytes : ''}`;
}

/** What debugfs lists: `/inode/mode/uid/gid/name/size/`. */
async function listing(image: string, folder: string): Promise<string[]> {
  const { stdout } = await run(['debugfs', '-R', `ls -p "${folder}/"`, image]);
  return stdout.split('\n').flatMap((line) => {
    const [, inode, mode = '', user, group, name = '', size] = line.split('/');
    if (inode === undefined || inode === '0' || name === '.' || name === '..') return [];
    const length = mode.startsWith('1') && mode[1] === '0' ? size : '';
    return [`${folder}/${name} ${inode} ${mode} ${user}:${group} ${length}`];
  });
}
