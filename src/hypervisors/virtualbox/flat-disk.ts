/**
 * The machine's disk stays what the rest of pvmc expects, a raw file with holes: VirtualBox gets it through
 * a VMDK of the kind `monolithicFlat`, a small text beside which the raw file is the only extent. So the
 * machine writes straight into that file, and nothing has to be converted before the export.
 */
import { randomUUID } from 'node:crypto';
import { stat, writeFile } from 'node:fs/promises';
import { dirname, relative } from 'node:path';

const SECTOR_BYTES = 512;
/** What every BIOS can count to; a larger disk is addressed by sectors. */
const MOST_CYLINDERS = 16383;
const HEADS = 16;
const SECTORS = 63;

/** Writes the VMDK's text for a raw file that is there already. */
export async function writeFlatDisk(descriptorPath: string, rawPath: string): Promise<void> {
  const { size } = await stat(rawPath);
  const extent = relative(dirname(descriptorPath), rawPath);
  const text = flatDescriptor({ extent, sizeBytes: size, uuid: randomUUID() });
  await writeFile(descriptorPath, text, { mode: 0o600 });
}

interface FlatDisk {
  /** The raw file as seen from the descriptor's folder. */
  readonly extent: string;
  /** Whole sectors. */
  readonly sizeBytes: number;
  /** VirtualBox knows a disk by it, and takes no two of the same. */
  readonly uuid: string;
}

export function flatDescriptor({ extent, sizeBytes, uuid }: FlatDisk): string {
  const sectors = sizeBytes / SECTOR_BYTES;
  const cylinders = Math.min(MOST_CYLINDERS, Math.floor(sectors / (HEADS * SECTORS)));
  return [
    '# Disk DescriptorFile',
    'version=1',
    'CID=00000001',
    'parentCID=ffffffff',
    'createType="monolithicFlat"',
    '',
    '# Extent description',
    `RW ${sectors} FLAT "${extent}" 0`,
    '',
    '# The Disk Data Base',
    '#DDB',
    '',
    'ddb.virtualHWVersion = "4"',
    'ddb.adapterType = "ide"',
    `ddb.geometry.cylinders = "${cylinders}"`,
    `ddb.geometry.heads = "${HEADS}"`,
    `ddb.geometry.sectors = "${SECTORS}"`,
    `ddb.uuid.image = "${uuid}"`,
    'ddb.uuid.parent = "00000000-0000-0000-0000-000000000000"',
    'ddb.uuid.modification = "00000000-0000-0000-0000-000000000000"',
    'ddb.uuid.parentmodification = "00000000-0000-0000-0000-000000000000"',
    '',
  ].join('\n');
}
