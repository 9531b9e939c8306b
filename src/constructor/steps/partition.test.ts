import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { manifestSchema } from '../../manifest/schema.ts';
import { installationOf, rehearse } from '../testing/rehearsal.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { partitionTable, readPartitions } from './partition.ts';

const MIB = 2 ** 20;

const manifest = installationOf(manifestSchema.parse({ name: 'tiny', version: '1.0' }));

test('sfdisk makes of the table what the constructor and both firmwares look for', async () => {
  await using folder = await temporaryFolder();
  const disk = join(folder.path, 'disk.raw');
  await writeFile(disk, '');
  await truncate(disk, 512 * MIB);
  const { context } = rehearse({ folder: folder.path, manifest });
  const input = partitionTable(manifest.identifiers);
  await context.run(['sfdisk', '--no-reread', '--no-tell-kernel', '--quiet', disk], { input });

  const { stdout } = await context.run(['sfdisk', '--json', disk]);
  expect(JSON.parse(stdout)).toEqual({
    partitiontable: {
      label: 'gpt',
      id: '11111111-1111-8111-8111-111111111111',
      device: disk,
      unit: 'sectors',
      firstlba: 2048,
      lastlba: 1048542,
      sectorsize: 512,
      partitions: [
        {
          node: `${disk}1`,
          start: 2048,
          size: 2048,
          type: '21686148-6449-6E6F-744E-656564454649',
          uuid: '22222222-2222-8222-8222-222222222222',
          name: 'bios',
        },
        {
          node: `${disk}2`,
          start: 4096,
          size: 131072,
          type: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
          uuid: '33333333-3333-8333-8333-333333333333',
          name: 'esp',
        },
        {
          node: `${disk}3`,
          start: 135168,
          size: 911360,
          type: '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709',
          uuid: '44444444-4444-8444-8444-444444444444',
          name: 'root',
        },
      ],
    },
  });

  expect(await readPartitions(context, disk)).toEqual({
    biosBoot: `${disk}1`,
    esp: `${disk}2`,
    root: `${disk}3`,
    biosBootFirstSector: 2048,
    biosBootSectors: 2048,
    rootFirstSector: 66 * 2048,
    rootBytes: 445 * MIB,
  });
});

test('a disk with another table is not taken for ours', async () => {
  await using folder = await temporaryFolder();
  const disk = join(folder.path, 'disk.raw');
  await writeFile(disk, '');
  await truncate(disk, 16 * MIB);
  const { context } = rehearse({ folder: folder.path, manifest });
  await context.run(['sfdisk', '--quiet', disk], { input: 'label: gpt\nsize=2048\n' });
  await expect(readPartitions(context, disk)).rejects.toThrow('reads other partitions back');
});
