/** Two small disks, made by real programs, which differ in ways that are known. */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  codeOf,
  exportTiny,
  makeManifest,
  temporaryFolder,
} from '../../appliance/testing/fixtures.ts';
import { EXPORT_FORMAT_NAMES } from '../../manifest/export-formats.ts';
import { quietProgress } from '../../system/progress.ts';
import { run } from '../../system/run.ts';
import { makeRoot } from '../testing/small-disk.ts';
import { makeTwoDisks } from '../testing/two-disks.ts';
import { type ApplianceDifference, compareAppliances, isDifferent } from './compare.ts';

let folder: AsyncDisposable & { readonly path: string };
const at = (...names: string[]) => join(folder.path, ...names);

beforeAll(async () => {
  folder = await temporaryFolder();
  await makeTwoDisks(folder.path);
});
afterAll(() => folder[Symbol.asyncDispose]());

function compare(old: string, now: string): Promise<ApplianceDifference> {
  return compareAppliances({ old, new: now }, quietProgress());
}

async function exported(disk: string, name: string, changes: object = {}): Promise<string> {
  await exportTiny({
    diskPath: at(disk, 'disk.raw'),
    outputFolder: at(name),
    manifest: makeManifest(changes),
  });
  return at(name, 'tiny-1.0.ova');
}

/** What is expected of two disks, in whatever files they are. */
function expectTheChanges({ packages, files, partitions }: ApplianceDifference): void {
  expect(packages).toEqual([
    { name: 'fresh', old: undefined, new: '0~1' },
    { name: 'gone', old: '3', new: undefined },
    { name: 'libgood', old: '1.0', new: '1.1' },
  ]);
  const told = Object.fromEntries(
    files
      .filter(({ aspects }) => String(aspects) !== 'time')
      .map((one) => [
        `${one.volume}:${one.path}`,
        [one.change, one.aspects.filter((aspect) => aspect !== 'time').join(), one.package],
      ]),
  );
  expect(told).toEqual({
    ':/etc/motd': ['changed', 'content', undefined],
    ':/etc/hosts': ['changed', 'mode,owner,attributes', undefined],
    ':/etc/localtime': ['changed', 'target', undefined],
    ':/etc/old.conf': ['removed', '', undefined],
    ':/usr/lib/libgood.so': ['changed', 'content', 'libgood'],
    ':/usr/bin': ['added', '', undefined],
    ':/usr/bin/new': ['added', '', undefined],
    ':/var/lib/dpkg/status': ['changed', 'content', undefined],
    'esp:/EFI/BOOT/BOOTX64.EFI': ['changed', 'content', undefined],
  });
  expect(partitions).toEqual([
    {
      key: 'disk identifier',
      old: '11111111-1111-8111-8111-111111111111',
      new: '99999999-9999-8999-8999-999999999999',
    },
  ]);
}

describe('two disks', () => {
  test('as raw files', async () => {
    const difference = await compare(at('old', 'disk.raw'), at('new', 'disk.raw'));
    expectTheChanges(difference);
    expect(difference.members).toHaveLength(1);
    expect(difference.new.folders['/usr']).toBeGreaterThan(300_000);
    expect(difference.new.usedBytes).toBeGreaterThan(difference.old.usedBytes);
  });

  test('as qcow2 and as a growing VMDK', async () => {
    await run(['qemu-img', 'convert', '-O', 'qcow2', '-c', at('old', 'disk.raw'), at('old.qcow2')]);
    await run(['qemu-img', 'convert', '-O', 'vmdk', at('new', 'disk.raw'), at('new.vmdk')]);
    expectTheChanges(await compare(at('old.qcow2'), at('new.vmdk')));
  });

  test.each([
    ['vhdx', '.vhdx', []],
    ['vpc', '.vhd', ['-o', 'subformat=fixed,force_size']],
    ['vdi', '.vdi', []],
  ])('as %s, which is the same disk', async (format, ending, options) => {
    const path = at(`old${ending}`);
    await run(['qemu-img', 'convert', '-O', format, ...options, at('old', 'disk.raw'), path]);
    const difference = await compare(at('old', 'disk.raw'), path);
    // A VHD says how large it is in another way.
    expect(difference.files).toEqual([]);
    expect(difference.packages).toEqual([]);
  });

  test('as each disk that pvmc exports, which is the same one', async () => {
    const formats = EXPORT_FORMAT_NAMES.filter((name) => name !== 'raw');
    const diskPath = at('old', 'disk.raw');
    const isRead = ({ path }: { readonly path: string }) =>
      !/\.(mf|json|sh|ps1)$/.test(path) && !path.endsWith('-ovf/tiny-1.0-disk1.vmdk');
    const files = await exportTiny({ diskPath, outputFolder: at('all'), formats });
    expect(new Set(files.filter(isRead).map(({ format }) => format)).size).toBe(formats.length);
    for (const { path } of files.filter(isRead)) {
      const difference = await compare(diskPath, path);
      expect(difference).toMatchObject({ files: [], packages: [], differingPages: 0 });
    }
  });

  test('as OVAs, whose descriptors differ', async () => {
    const old = await exported('old', 'old-ova', { description: 'one' });
    const now = await exported('new', 'new-ova', {
      description: 'two',
      machine: { memory: '2 GiB' },
    });
    const difference = await compare(old, now);
    expectTheChanges(difference);
    expect(difference.descriptor.filter(({ key }) => !/size|Size/.test(key))).toEqual([
      {
        key: 'VirtualSystem/VirtualHardwareSection/Item[2]/rasd:ElementName',
        old: '1024 MB of memory',
        new: '2048 MB of memory',
      },
      {
        key: 'VirtualSystem/VirtualHardwareSection/Item[2]/rasd:VirtualQuantity',
        old: '1024',
        new: '2048',
      },
      { key: 'VirtualSystem/AnnotationSection/Annotation', old: 'one', new: 'two' },
    ]);
    expect(difference.members.map(({ key }) => key)).toEqual(['descriptor', 'digests', 'disk 1']);
  });
});

describe('what is the same', () => {
  test('is the same to the bit', async () => {
    const old = await exported('old', 'first');
    const again = await exported('old', 'second');
    const difference = await compare(old, again);
    expect(difference).toMatchObject({ identical: true, files: [], differingPages: 0 });
    expect(isDifferent(difference)).toBe(false);
    await copyFile(at('old', 'disk.raw'), at('copy.raw'));
    expect((await compare(at('old', 'disk.raw'), at('copy.raw'))).identical).toBe(true);
  });

  test('is the same in another form, though not to the bit', async () => {
    const ova = await exported('old', 'third');
    const difference = await compare(ova, at('old', 'disk.raw'));
    expect(difference.identical).toBe(false);
    expect(difference).toMatchObject({
      files: [],
      packages: [],
      partitions: [],
      differingPages: 0,
    });
    expect(isDifferent(difference)).toBe(false);
  });

  test('but for an archive around it of another time', async () => {
    const ova = await exported('old', 'fourth');
    await run(['tar', '-xf', ova, '-C', at('fourth')]);
    const names = ['tiny-1.0.ovf', 'tiny-1.0.mf', 'tiny-1.0-disk1.vmdk'];
    await run(['tar', '--format=ustar', '-cf', at('other.ova'), '-C', at('fourth'), ...names]);
    const difference = await compare(ova, at('other.ova'));
    expect(difference.members.map(({ key }) => key)).toEqual(['archive']);
    expect(difference).toMatchObject({ files: [], descriptor: [], differingPages: 0 });
    expect(isDifferent(difference)).toBe(true);
  });

  test('but for bytes that are in no file', async () => {
    await copyFile(at('old', 'disk.raw'), at('gap.raw'));
    const bytes = await readFile(at('gap.raw'));
    bytes.write('left over', 600_000);
    bytes.write('boot', 0);
    await writeFile(at('gap.raw'), bytes);
    const difference = await compare(at('old', 'disk.raw'), at('gap.raw'));
    expect(difference).toMatchObject({ files: [], differingPages: 2 });
    expect(difference.partitions.map(({ key }) => key)).toEqual(['boot code of the first sector']);
  });
});

describe('Vagrant boxes', () => {
  const boxes = (provider: 'virtualbox' | 'libvirt') => async (disk: 'old' | 'new') => {
    const outputFolder = at(`${disk}-${provider}`);
    const formats = [`vagrant-${provider}` as const];
    const [box] = await exportTiny({ diskPath: at(disk, 'disk.raw'), outputFolder, formats });
    return box?.path ?? '';
  };

  test.each(['virtualbox', 'libvirt'] as const)(
    'for %s differ as their disks',
    async (provider) => {
      const [old, now] = [await boxes(provider)('old'), await boxes(provider)('new')];
      const difference = await compare(old, now);
      expectTheChanges(difference);
      expect(difference.old.kind).toBe('Vagrant box');
      const keys = difference.members.map(({ key }) => key);
      expect(keys).toEqual([provider === 'libvirt' ? 'box.img' : 'disk 1']);
      expect(await compare(old, old)).toMatchObject({ identical: true });
    },
  );

  test('of other tools are read: with folders, a raw disk, and names that begin with a dot', async () => {
    await mkdir(at('foreign/sub'), { recursive: true });
    await copyFile(at('new', 'disk.raw'), at('foreign/box.img'));
    await writeFile(at('foreign/metadata.json'), '{"provider":"libvirt"}');
    await run(['tar', '-cf', at('foreign.box'), '-C', at('foreign'), '.']);
    const difference = await compare(at('new', 'disk.raw'), at('foreign.box'));
    expect(difference).toMatchObject({ files: [], packages: [], differingPages: 0 });
  });

  test('that gzip has packed as a whole are read as well', async () => {
    const box = await boxes('libvirt')('new');
    await mkdir(at('tmp'));
    vi.stubEnv('TMPDIR', at('tmp'));
    await run(['sh', '-c', 'gzip -c "$0" >"$1"', box, at('packed.box')]);
    expectTheChanges(await compare(await boxes('libvirt')('old'), at('packed.box')));
    expect(await compare(box, at('packed.box'))).toMatchObject({ identical: true });
    const bytes = await readFile(at('packed.box'));
    await writeFile(at('short.box'), bytes.subarray(0, bytes.length / 2));
    await expect(compare(box, at('short.box'))).rejects.toMatchObject({
      code: 'disk-damaged',
      message: `${at('short.box')}: "short.box" is cut off: its end is missing`,
    });
    bytes.fill(0, 2500, 2600);
    await writeFile(at('wrong.box'), bytes);
    expect(await codeOf(compare(box, at('wrong.box')))).toBe('disk-damaged');
    await run(['sh', '-c', 'echo text | gzip -c >"$0"', at('note.box')]);
    expect(await codeOf(compare(box, at('note.box')))).toBe('box-invalid');
    expect(await readdir(at('tmp'))).toEqual([]);
    vi.unstubAllEnvs();
  });

  test('that are no box are refused', async () => {
    const good = at('old', 'disk.raw');
    await writeFile(at('text.box'), Buffer.alloc(2048, 'text'));
    await expect(compare(good, at('text.box'))).rejects.toMatchObject({
      code: 'box-invalid',
      message: expect.stringContaining('"text.box" is no box of Vagrant'),
    });
    const box = await readFile(await boxes('libvirt')('old'));
    await writeFile(at('cut.box'), box.subarray(0, box.length / 2));
    expect(await codeOf(compare(good, at('cut.box')))).toBe('box-invalid');
    await mkdir(at('empty'));
    await writeFile(at('empty/metadata.json'), '{"provider":"libvirt"}');
    await run(['tar', '-cf', at('empty.box'), '-C', at('empty'), 'metadata.json']);
    expect(await codeOf(compare(good, at('empty.box')))).toBe('ova-file-missing');
  });
});

describe('two hostile disks', () => {
  const disk = async (name: string, edits: readonly string[]) => {
    await mkdir(at(name));
    const root = { 'var/a': 'one', 'var/b': `of ${name}`, 'var/z': Buffer.alloc(9000, name) };
    return makeRoot({ folder: at(name), root, options: ['-b', '4096'], edits });
  };

  test('with files of terabytes of holes end at once', async () => {
    const large = ['sif var/a size 17000000000000', 'sif var/b size 17000000000000'];
    const [old, now] = [await disk('holes', large), await disk('holes2', large)];
    const difference = await compare(old, now);
    const changed = difference.files.map(({ path }) => path);
    expect(changed).toEqual(expect.arrayContaining(['/var/b', '/var/z']));
    // Its time may be another.
    const { aspects = [] } = difference.files.find(({ path }) => path === '/var/a') ?? {};
    expect(aspects).not.toContain('content');
  });
});

test('two disks whose files all have the same blocks end with an error, and not next year', async () => {
  const names = Array.from({ length: 60 }, (_, index) => `f${index}`);
  const disk = async (name: string) => {
    await mkdir(at(name));
    const content = Buffer.concat([Buffer.alloc(2_000_000, 'same '), Buffer.from(name)]);
    const root = { ...Object.fromEntries(names.map((one) => [one, 'x'])), all: content };
    const edits = names.map((one) => `copy_inode all ${one}`);
    return makeRoot({ folder: at(name), root, edits });
  };
  await expect(compare(await disk('shared1'), await disk('shared2'))).rejects.toMatchObject({
    code: 'disk-invalid',
    message: expect.stringContaining('many of its files have the same blocks'),
  });
});

describe('what cannot be read', () => {
  test('is refused, with its code', async () => {
    const good = at('old', 'disk.raw');
    const ova = await readFile(await exported('old', 'fifth'));
    await writeFile(at('cut.ova'), ova.subarray(0, ova.length / 2));
    expect(await codeOf(compare(at('cut.ova'), good))).toBe('ova-truncated');
    await writeFile(at('text.ova'), 'no archive at all');
    expect(await codeOf(compare(good, at('text.ova')))).toBe('ova-truncated');
    await writeFile(at('empty.raw'), '');
    expect(await codeOf(compare(good, at('empty.raw')))).toBe('disk-empty');
    expect(await codeOf(compare(good, at('nothing.raw')))).toBe('file-missing');
    await run(['zstd', '-q', '-o', at('whole.zst'), good]);
    await writeFile(at('cut.zst'), (await readFile(at('whole.zst'))).subarray(0, -1000));
    expect(await codeOf(compare(good, at('cut.zst')))).toBe('disk-damaged');
    const backed = at('backed.qcow2');
    await run(['qemu-img', 'create', '-f', 'qcow2', '-F', 'raw', '-b', good, backed]);
    expect(await codeOf(compare(good, backed))).toBe('disk-backed');
    const disk = await readFile(good);
    // Both copies of the table.
    disk.fill(0x55, 512 + 16, 512 + 20);
    disk.fill(0x55, disk.length - 512 + 16, disk.length - 512 + 20);
    await writeFile(at('table.raw'), disk);
    expect(await codeOf(compare(good, at('table.raw')))).toBe('disk-invalid');
  });

  test('ends when it is told to', async () => {
    const controller = new AbortController();
    const old = at('old', 'disk.raw');
    controller.abort(new Error('enough'));
    const work = compareAppliances(
      { old, new: at('new', 'disk.raw') },
      quietProgress(controller.signal),
    );
    await expect(work).rejects.toThrow('enough');
  });
});
