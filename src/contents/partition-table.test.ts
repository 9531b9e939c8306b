/** Tables as sfdisk writes them, FAT as mkfs.fat and mtools do, and what hostile ones are. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { codeOf, temporaryFolder } from '../appliance/testing/fixtures.ts';
import { run } from '../system/run.ts';
import { bytesSource, Region } from './byte-source.ts';
import { openFat } from './fat.ts';
import type { FileEntry } from './file-system.ts';
import { readPartitionTable } from './partition-table.ts';

const MIB = 2 ** 20;

async function partitioned(script: string): Promise<Buffer> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'disk.raw');
  await writeFile(path, '');
  await truncate(path, 8 * MIB);
  await run(['sfdisk', '--quiet', path], { input: script });
  return readFile(path);
}

const GPT = `label: gpt
label-id: 11111111-1111-8111-8111-111111111111
start=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649, uuid=22222222-2222-8222-8222-222222222222, name="bios"
start=4096, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, uuid=44444444-4444-8444-8444-444444444444, name="Würzel", attrs="RequiredPartition"
`;

describe('a GPT', () => {
  test('is read as sfdisk wrote it', async () => {
    const table = await readPartitionTable(bytesSource(await partitioned(GPT)));
    expect(table).toMatchObject({
      kind: 'gpt',
      id: '11111111-1111-8111-8111-111111111111',
      isCopy: false,
      partitions: [
        {
          number: 1,
          startBytes: MIB,
          sizeBytes: MIB,
          type: '21686148-6449-6E6F-744E-656564454649',
          id: '22222222-2222-8222-8222-222222222222',
          name: 'bios',
        },
        { number: 2, startBytes: 2 * MIB, name: 'Würzel', attributes: '0000000000000001' },
      ],
    });
  });

  test('is read from its copy when the first one is damaged, and refused when both are', async () => {
    const disk = await partitioned(GPT);
    disk[512 + 40] = 0x77;
    expect(await readPartitionTable(bytesSource(disk))).toMatchObject({
      kind: 'gpt',
      isCopy: true,
    });
    disk[disk.length - 512 + 40] = 0x77;
    expect(await codeOf(readPartitionTable(bytesSource(disk)))).toBe('disk-invalid');
  });
});

test('an old table is read, with the active partition', async () => {
  const disk = await partitioned(
    'label: dos\nlabel-id: 0x12345678\nstart=2048, size=4096, type=83, bootable\n',
  );
  expect(await readPartitionTable(bytesSource(disk))).toEqual({
    kind: 'mbr',
    id: '12345678',
    isCopy: false,
    partitions: [
      {
        number: 1,
        startBytes: MIB,
        sizeBytes: 2 * MIB,
        type: '83',
        id: '',
        name: '',
        attributes: '80',
      },
    ],
  });
});

test('an empty disk has none', async () => {
  expect(await readPartitionTable(bytesSource(Buffer.alloc(MIB)))).toMatchObject({ kind: 'none' });
});

/** Long, short and mixed names, a deep folder, a file of many clusters. */
const FILES: Readonly<Record<string, Buffer>> = {
  'EFI/BOOT/BOOTX64.EFI': randomBytes(300_000),
  'EFI/debian/a name that is longer than eight and three.cfg': Buffer.from('x'),
  'EFI/debian/lower.cfg': Buffer.from('set root\n'),
  'empty.txt': Buffer.alloc(0),
  'größere Datei.txt': Buffer.from('umlaut'),
};

describe.each([
  ['FAT12', 4, 12],
  ['FAT16', 20, 16],
  ['FAT32', 40, 32],
])('%s', (name, size, bits) => {
  const made = (async () => {
    const folder = await temporaryFolder();
    const image = join(folder.path, 'fat.img');
    await writeFile(image, '');
    await truncate(image, size * MIB);
    const options = ['-F', String(bits), '-i', '12345678', '-n', 'ESP'];
    await run(['mkfs.fat', ...options, image]);
    for (const [path, bytes] of Object.entries(FILES)) {
      const at = join(folder.path, path);
      await mkdir(join(at, '..'), { recursive: true });
      await writeFile(at, bytes);
    }
    const tops = ['EFI', 'empty.txt', 'größere Datei.txt'].map((one) => join(folder.path, one));
    await run(['mcopy', '-s', '-i', image, ...tops, '::'], { env: { LC_ALL: 'C.UTF-8' } });
    const bytes = await readFile(image);
    await folder[Symbol.asyncDispose]();
    return bytes;
  })();

  test('has the files that mcopy put there', async () => {
    const fat = await openFat(region(await made));
    if (!fat) throw new Error('there is none');
    expect(fat).toMatchObject({ name, label: 'ESP', id: '12345678' });
    const found: Record<string, string> = {};
    for (const entry of await entriesOf(fat)) {
      if (entry.type !== 'file') continue;
      const content = await fat.content(entry);
      found[entry.path.slice(1)] = sha256(await content.read(0, content.sizeBytes));
    }
    const put = Object.entries(FILES).map(([path, bytes]) => [path, sha256(bytes)]);
    expect(found).toEqual(Object.fromEntries(put));
  });

  test('ends with an error or with files, whatever its bytes are', async () => {
    const image = await made;
    const original = Buffer.from(image.subarray(0, MIB));
    const used = [...image.subarray(0, MIB).keys()].filter((at) => image[at] !== 0);
    for (let round = 0; round < 30; round += 1) {
      const changes = randomBytes(24);
      for (let index = 0; index < 8; index += 1) {
        // The boot sector and the first folders are where it hurts.
        const at = used[changes.readUInt16LE(index) % Math.min(used.length, 3000)] ?? 0;
        image[at] = changes[index + 12] ?? 0;
      }
      expect(['no failure', 'disk-invalid']).toContain(await codeOf(readAll(image)));
      original.copy(image);
    }
  });
});

test('clusters in a circle end', async () => {
  await using folder = await temporaryFolder();
  const image = join(folder.path, 'fat.img');
  await writeFile(image, '');
  await truncate(image, 40 * MIB);
  await run(['mkfs.fat', '-F', '32', image]);
  const bytes = await readFile(image);
  // The root folder's only cluster is followed by itself.
  bytes.writeUInt32LE(2, bytes.readUInt16LE(14) * 512 + 8);
  await expect(readAll(bytes)).rejects.toThrow('clusters lead in a circle');
});

async function readAll(bytes: Buffer): Promise<void> {
  const fat = await openFat(region(bytes));
  if (!fat) return;
  for (const entry of await entriesOf(fat)) {
    if (entry.type === 'file') await fat.content(entry);
  }
}

async function entriesOf(fat: NonNullable<Awaited<ReturnType<typeof openFat>>>) {
  const entries: FileEntry[] = [];
  for await (const entry of fat.entries(new AbortController().signal)) entries.push(entry);
  return entries;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function region(bytes: Buffer): Region {
  return new Region(bytesSource(bytes), { start: 0, sizeBytes: bytes.length, called: 'the ESP' });
}
