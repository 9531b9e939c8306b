/** A table of faults, each in an OVA that was right before. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quietProgress } from '../system/progress.ts';
import { run } from '../system/run.ts';
import {
  checkDescriptor,
  checkDigests,
  extractDisk,
  type MachineFacts,
  openOva,
} from './read-ova.ts';
import {
  codeOf,
  DISK_BYTES,
  exportTiny,
  makeDisk,
  makeManifest,
  temporaryFolder,
} from './testing/fixtures.ts';
import { type Part, putTogether, takeApart, withDigests, withPart } from './testing/tampering.ts';

let outer: Awaited<ReturnType<typeof temporaryFolder>>;
let disk: string;
let good: Buffer;
let parts: readonly Part[];

beforeAll(async () => {
  outer = await temporaryFolder();
  disk = join(outer.path, 'disk.raw');
  await makeDisk(disk);
  const [file] = await exportTiny({ diskPath: disk, outputFolder: outer.path });
  good = await readFile(file?.path ?? '');
  parts = await takeApart(file?.path ?? '');
});
afterAll(() => outer[Symbol.asyncDispose]());

/** All checks of one OVA, in the order in which `pvmc verify` makes them. */
async function verify(bytes: Buffer, progress = quietProgress()): Promise<MachineFacts> {
  const path = join(outer.path, 'candidate.ova');
  await writeFile(path, bytes);
  await using ova = await openOva(path);
  await checkDigests(ova, progress);
  const facts = await checkDescriptor(ova);
  const folder = join(outer.path, 'extracted');
  await mkdir(folder, { recursive: true });
  try {
    await extractDisk(ova, { disk: facts.disk, path: join(folder, 'disk.raw'), progress });
  } catch (thrown) {
    expect(await readdir(folder)).toEqual([]);
    throw thrown;
  }
  const compared = await run(['qemu-img', 'compare', '-f', 'raw', disk, join(folder, 'disk.raw')]);
  expect(compared.stdout).toContain('identical');
  await run(['rm', join(folder, 'disk.raw')]);
  return facts;
}

const part = (ending: string): Buffer =>
  parts.find(({ name }) => name.endsWith(ending))?.bytes ?? Buffer.alloc(0);
const editOvf = (edit: (text: string) => string): Buffer => {
  const text = part('.ovf').toString();
  const edited = edit(text);
  if (edited === text) throw new Error('the edit changes nothing');
  return putTogether(withPart(parts, '.ovf', Buffer.from(edited)));
};
const editMf = (edit: (text: string) => string): Buffer => {
  const bytes = Buffer.from(edit(part('.mf').toString()));
  return putTogether(parts.map((one) => (one.name.endsWith('.mf') ? { ...one, bytes } : one)));
};
const renamed = (name: string): Buffer =>
  putTogether(parts.map((one) => (one.name.endsWith('.vmdk') ? { ...one, name } : one)));
const flag = (type: string): Buffer =>
  putTogether(parts, (header, index) => {
    if (index === 2) header.write(type, 156, 'latin1');
  });

it('passes as it was exported, and says what it is', async () => {
  expect(await verify(good)).toEqual({
    name: 'tiny',
    product: 'tiny',
    version: '1.0',
    memoryBytes: 2 ** 30,
    cpus: 2,
    firmware: 'bios',
    hasNetwork: true,
    properties: [],
    disk: { fileName: 'tiny-1.0-disk1.vmdk', capacityBytes: DISK_BYTES },
  });
});

it.each<readonly [string, () => Buffer]>([
  ['filled up to 10 KiB by an archiver', () => Buffer.concat([good, Buffer.alloc(9216)])],
  [
    'with its manifest at the end',
    () => putTogether([...parts.slice(0, 1), ...parts.slice(2), ...parts.slice(1, 2)]),
  ],
  [
    'with SHA512 digests',
    () =>
      editMf((text) =>
        text.replaceAll(
          /SHA256\((.*)\)= .*/g,
          (_, name: string) => `SHA512(${name})= ${sha512(name)}`,
        ),
      ),
  ],
  [
    'with megabytes as the unit of memory',
    () => editOvf((text) => text.replace('byte * 2^20', 'MegaBytes')),
  ],
])('passes %s', async (_, bytes) => {
  await expect(verify(bytes())).resolves.toMatchObject({ memoryBytes: 2 ** 30 });
});

function sha512(name: string): string {
  const found = parts.find((one) => one.name === name)?.bytes ?? Buffer.alloc(0);
  return createHash('sha512').update(found).digest('hex');
}

describe('an OVA is refused', () => {
  it.each<readonly [string, string, () => Buffer]>([
    ['when it is empty', 'ova-truncated', () => Buffer.alloc(0)],
    ['when it is something else', 'ova-not-tar', () => Buffer.alloc(4096, 'not a tar ')],
    ['when it is nothing but zeros', 'ova-not-tar', () => Buffer.alloc(10240)],
    ['cut off in a header', 'ova-truncated', () => good.subarray(0, 700)],
    ['cut off in the disk', 'ova-truncated', () => good.subarray(0, 100_000)],
    ['without the two empty blocks', 'ova-truncated', () => good.subarray(0, -1024)],
    ['with one empty block', 'ova-truncated', () => good.subarray(0, -512)],
    [
      'with something behind its end',
      'ova-damaged',
      () => Buffer.concat([good, Buffer.alloc(512, 'x')]),
    ],
    [
      'with two megabytes behind its end',
      'ova-damaged',
      () => Buffer.concat([good, Buffer.alloc(2 ** 21)]),
    ],
    [
      'with a damaged header',
      'ova-damaged',
      () => {
        const bytes = Buffer.from(good);
        bytes.write('X', good.indexOf('tiny-1.0.mf\0'));
        return bytes;
      },
    ],
    ['with a pax header', 'ova-member-foreign', () => flag('x')],
    ['with a global pax header', 'ova-member-foreign', () => flag('g')],
    ['with a symbolic link', 'ova-member-foreign', () => flag('2')],
    ['with a hard link', 'ova-member-foreign', () => flag('1')],
    ['with a folder', 'ova-member-foreign', () => flag('5')],
    ['with a GNU long name', 'ova-member-foreign', () => flag('L')],
    ['with a GNU sparse file', 'ova-member-foreign', () => flag('S')],
    [
      'in the old GNU format',
      'ova-member-foreign',
      () => putTogether(parts, (header) => void header.write('ustar  \0', 257, 'latin1')),
    ],
    [
      'with a size that is no number',
      'ova-damaged',
      () =>
        putTogether(
          parts,
          (header, index) => void (index === 2 && header.write('-0000000001', 124, 'latin1')),
        ),
    ],
    [
      'with a size in base 256',
      'ova-damaged',
      () =>
        putTogether(parts, (header, index) => void (index === 2 && header.fill(0xff, 124, 136))),
    ],
    [
      'with a member of 8 GiB that is not there',
      'ova-truncated',
      () =>
        putTogether(
          parts,
          (header, index) => void (index === 2 && header.write('77777777777', 124, 'latin1')),
        ),
    ],
    ['with ./ before a name', 'ova-member-name', () => renamed('./tiny-1.0-disk1.vmdk')],
    ['with .. in a name', 'ova-member-name', () => renamed('../../etc/passwd')],
    ['with an absolute name', 'ova-member-name', () => renamed('/etc/passwd')],
    ['with a backslash in a name', 'ova-member-name', () => renamed('..\\disk.vmdk')],
    ['with a hidden name', 'ova-member-name', () => renamed('.disk.vmdk')],
    ['with a terminal sequence in a name', 'ova-member-name', () => renamed('\u001b[2Jdisk.vmdk')],
    ['with a right-to-left override in a name', 'ova-member-name', () => renamed('disk\u202ekdmv')],
    ['with an empty name', 'ova-member-name', () => renamed('')],
    ['with a name that occurs twice', 'ova-member-name', () => renamed('tiny-1.0.ovf')],
    [
      'with a name that goes on in the prefix',
      'ova-member-name',
      () => putTogether(parts, (header, index) => void (index === 2 && header.write('../..', 345))),
    ],
    [
      'with a thousand members',
      'ova-member-name',
      () =>
        putTogether([
          ...parts,
          ...Array.from({ length: 1000 }, (_, n) => ({ name: `n${n}`, bytes: Buffer.alloc(0) })),
        ]),
    ],
    ['without a descriptor', 'ova-member-order', () => putTogether(parts.slice(1))],
    [
      'that begins with its manifest',
      'ova-member-order',
      () => putTogether(parts.toReversed().slice(1)),
    ],
    [
      'with two descriptors',
      'ova-member-order',
      () => putTogether([...parts, { name: 'b.ovf', bytes: part('.ovf') }]),
    ],
    [
      'with its manifest between files',
      'ova-member-order',
      () =>
        putTogether([...parts.slice(0, 1), { name: 'a', bytes: part('.mf') }, ...parts.slice(1)]),
    ],
    [
      'without a manifest',
      'ova-digests-missing',
      () => putTogether(parts.filter(({ name }) => !name.endsWith('.mf'))),
    ],
    [
      'with a manifest of another name',
      'ova-digests-missing',
      () =>
        putTogether(
          parts.map((one) => (one.name.endsWith('.mf') ? { ...one, name: 'other.mf' } : one)),
        ),
    ],
    ['with an empty manifest', 'ova-digests-invalid', () => editMf(() => '')],
    [
      'with a manifest of two megabytes',
      'ova-digests-invalid',
      () => editMf((text) => text + '\n'.repeat(2 ** 21)),
    ],
    ['with words in the manifest', 'ova-digests-invalid', () => editMf((text) => `${text}hello\n`)],
    [
      'with SHA2-256 in the manifest',
      'ova-digests-invalid',
      () => editMf((text) => text.replaceAll('SHA256', 'SHA2-256')),
    ],
    [
      'with SHA1 in the manifest',
      'ova-digests-invalid',
      () => editMf((text) => text.replaceAll(/SHA256\((.*)\)= .*/g, `SHA1($1)= ${'0'.repeat(40)}`)),
    ],
    [
      'with a short digest',
      'ova-digests-invalid',
      () => editMf((text) => text.replace(/..\n/, '\n')),
    ],
    [
      'with a digest missing',
      'ova-digests-invalid',
      () => editMf((text) => text.replace(/^.*vmdk.*\n/m, '')),
    ],
    ['with a digest twice', 'ova-digests-invalid', () => editMf((text) => text + text)],
    [
      'with a digest of what is not there',
      'ova-digests-invalid',
      () => editMf((text) => text + text.replaceAll('tiny', 'huge')),
    ],
    [
      'with a wrong digest',
      'ova-digest-wrong',
      () => editMf((text) => text.replace(/= (.)/, (_, digit) => `= ${digit === '0' ? '1' : '0'}`)),
    ],
    [
      'with one bit of the disk changed',
      'ova-digest-wrong',
      () => {
        const bytes = Buffer.from(good);
        bytes.writeUInt8(bytes.readUInt8(200_000) ^ 1, 200_000);
        return bytes;
      },
    ],
    [
      'whose disk has another name',
      'ova-file-missing',
      () =>
        putTogether(
          withDigests(
            parts.map((one) => (one.name.endsWith('.vmdk') ? { ...one, name: 'other.vmdk' } : one)),
          ),
        ),
    ],
    [
      'with a file that the descriptor does not know',
      'ova-file-unreferenced',
      () => putTogether(withDigests([...parts, { name: 'malware.exe', bytes: Buffer.from('MZ') }])),
    ],
  ])('%s: %s', async (_, code, bytes) => {
    expect(await codeOf(verify(bytes()))).toBe(code);
  });

  it.each([
    ['a folder', '/', 'ova-unreadable'],
    ['a device', '/dev/zero', 'ova-unreadable'],
    ['nothing', '/nothing.ova', 'file-missing'],
  ])('when it is %s', async (_, path, code) => {
    expect(await codeOf(openOva(path))).toBe(code);
  });

  it('when it is a named pipe, without waiting for its writer', async () => {
    const pipe = join(outer.path, 'pipe.ova');
    await run(['mkfifo', pipe]);
    expect(await codeOf(openOva(pipe))).toBe('ova-unreadable');
  });
});

describe('a descriptor is refused', () => {
  const doctype = (declarations: string) => (text: string) =>
    text.replace('?>', `?>\n<!DOCTYPE Envelope [${declarations}]>`);

  it.each<readonly [string, string, (text: string) => string]>([
    ['that is no XML', 'ovf-invalid', () => 'hello'],
    ['that is cut off', 'ovf-invalid', (text) => text.slice(0, 1000)],
    ['that is another document', 'ovf-invalid', () => '<html/>'],
    ['of OVF 2', 'ovf-invalid', (text) => text.replaceAll('envelope/1', 'envelope/2')],
    [
      'with an unknown section',
      'ovf-invalid',
      (text) => text.replace('<ProductSection>', '<Products/><ProductSection>'),
    ],
    [
      'without its Info',
      'ovf-invalid',
      (text) => text.replace('<Info>The virtual disk</Info>', ''),
    ],
    [
      'with elements in a wrong order',
      'ovf-invalid',
      (text) => text.replace(/(<rasd:InstanceID>3.*\n)(.*Sub.*\n)/, '$2$1'),
    ],
    ['with a document type', 'ovf-invalid', doctype('')],
    [
      'that reads a file',
      'ovf-invalid',
      (text) =>
        doctype('<!ENTITY x SYSTEM "file:///etc/passwd">')(text).replace('The virtual disk', '&x;'),
    ],
    [
      'that unfolds to gigabytes',
      'ovf-invalid',
      (text) =>
        doctype(
          [
            '<!ENTITY a0 "0123456789">',
            ...Array.from(
              { length: 12 },
              (_, n) => `<!ENTITY a${n + 1} "${`&a${n};`.repeat(10)}">`,
            ),
          ].join(''),
        )(text).replace('vmdisk1"', '&a12;"'),
    ],
    ['that is nested without end', 'ovf-invalid', () => '<a>'.repeat(100_000)],
    ['of five megabytes', 'ovf-invalid', (text) => text + ' '.repeat(5 * 2 ** 20)],
    [
      'with two machines',
      'ovf-unusable',
      (text) => text.replace(/<VirtualSystem .*<\/VirtualSystem>/s, '$&$&'),
    ],
    [
      'with two disks',
      'ovf-unusable',
      (text) => text.replace(/<Item>\s*<rasd:AddressOnParent>0.*?<\/Item>/s, '$&$&'),
    ],
    ['without a disk', 'ovf-unusable', (text) => text.replace('>17<', '>18<')],
    [
      'with a disk that is nowhere',
      'ovf-unusable',
      (text) => text.replace('/disk/vmdisk1', '/disk/vmdisk2'),
    ],
    [
      'with a disk without a file',
      'ovf-unusable',
      (text) => text.replace('ovf:fileRef="file1"', ''),
    ],
    [
      'with a disk of another format',
      'ovf-unusable',
      (text) => text.replace('#streamOptimized', '#sparse'),
    ],
    [
      'with a disk of no size',
      'ovf-unusable',
      (text) => text.replace(/capacity="\d+"/, 'capacity="0"'),
    ],
    [
      'with a disk of an exabyte',
      'ovf-unusable',
      (text) => text.replace(/capacity="\d+"/, `capacity="${'9'.repeat(18)}"`),
    ],
    [
      'with a disk of 3 TiB',
      'ovf-unusable',
      (text) =>
        text.replace(/capacity="\d+"/, 'capacity="3" ovf:capacityAllocationUnits="byte * 2^40"'),
    ],
    [
      'without processors',
      'ovf-unusable',
      (text) => text.replace('<rasd:VirtualQuantity>2<', '<rasd:VirtualQuantity>0<'),
    ],
    [
      'with a million processors',
      'ovf-unusable',
      (text) => text.replace('<rasd:VirtualQuantity>2<', '<rasd:VirtualQuantity>1000000<'),
    ],
    ['that counts memory in pages', 'ovf-unusable', (text) => text.replace('byte * 2^20', 'pages')],
    [
      'with memory of an exabyte',
      'ovf-unusable',
      (text) => text.replace('byte * 2^20', 'byte * 2^50'),
    ],
    [
      'with the wrong size of a file',
      'ovf-unusable',
      (text) => text.replace(/size="\d+"/, 'size="1"'),
    ],
    [
      'with a compressed file',
      'ovf-unusable',
      (text) => text.replace('ovf:size', 'ovf:compression="gzip" ovf:size'),
    ],
    [
      'with a file that is not there',
      'ova-file-missing',
      (text) =>
        text.replace(
          '<References>',
          '<References><File ovf:id="file2" ovf:href="http://example.org/disk"/>',
        ),
    ],
  ])('%s: %s', async (_, code, edit) => {
    expect(await codeOf(verify(editOvf(edit)))).toBe(code);
  });
});

describe.each(['ova-vmware', 'ova-virtualbox'] as const)('the descriptor of %s', (format) => {
  it.each(['bios', 'uefi'] as const)('is valid, and asks for %s', async (firmware) => {
    const outputFolder = join(outer.path, `${format}-${firmware}`);
    const manifest = makeManifest({ machine: { firmware } });
    const formats = [format];
    const [file] = await exportTiny({ diskPath: disk, outputFolder, manifest, formats });
    const text = (await run(['tar', '-xOf', file?.path ?? '', `tiny-1.0${format.slice(3)}.ovf`]))
      .stdout;
    expect(text.includes('vbox:')).toBe(format === 'ova-virtualbox');
    expect(text.includes('vmw:')).toBe(format === 'ova-vmware');
    await using ova = await openOva(file?.path ?? '');
    await checkDigests(ova, quietProgress());
    expect(await checkDescriptor(ova)).toMatchObject({ firmware, hasNetwork: true });
  });
});

describe('our descriptor is valid, and read as it was meant', () => {
  it.each<readonly [string, object, Partial<MachineFacts>]>([
    ['for UEFI', { machine: { firmware: 'uefi' } }, { firmware: 'uefi' }],
    ['without a network', { machine: { network: 'none' } }, { hasNetwork: false }],
    [
      'for UEFI without a network',
      { machine: { firmware: 'uefi', network: 'none' } },
      { firmware: 'uefi', hasNetwork: false },
    ],
    [
      'with other numbers',
      { machine: { cpus: 1, memory: '1536 MiB' } },
      { cpus: 1, memoryBytes: 1536 * 2 ** 20 },
    ],
    [
      'with all words, and signs that XML uses',
      {
        version: '2.0~rc1',
        description: 'A <b>&amp; "B" & \'C\' ]]>\nsecond line, ünïcödé 🚀',
        vendor: { name: 'A & Sons <x>', url: 'https://example.org/?a=1&b=2' },
      },
      { version: '2.0~rc1', product: 'tiny' },
    ],
  ])('%s', async (name, changes, facts) => {
    const folder = join(outer.path, name.replaceAll(' ', '-'));
    const manifest = makeManifest(changes);
    const [file] = await exportTiny({ diskPath: disk, outputFolder: folder, manifest });
    await using ova = await openOva(file?.path ?? '');
    await checkDigests(ova, quietProgress());
    expect(await checkDescriptor(ova)).toMatchObject(facts);
  });
});

it('stops when it is told to, and leaves no disk', async () => {
  const aborting = new AbortController();
  const progress = {
    ...quietProgress(aborting.signal),
    amount: () => aborting.abort(new Error('enough')),
  };
  const path = join(outer.path, 'tiny-1.0.ova');
  await using ova = await openOva(path);
  await expect(checkDigests(ova, progress)).rejects.toThrow('enough');
  const { disk: facts } = await checkDescriptor(ova);
  const raw = join(outer.path, 'stopped.raw');
  await expect(extractDisk(ova, { disk: facts, path: raw, progress })).rejects.toThrow('enough');
  expect(await readdir(outer.path)).not.toContain('stopped.raw');
});

it('writes over no file', async () => {
  await using ova = await openOva(join(outer.path, 'tiny-1.0.ova'));
  const { disk: facts } = await checkDescriptor(ova);
  const request = { disk: facts, path: disk, progress: quietProgress() };
  expect(await codeOf(extractDisk(ova, request))).toBe('disk-exists');
});
