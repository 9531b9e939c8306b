/** What changed in a disk's layout: its table, its boot code, and what is on partitions without files. */
import type { DiskContents, Volume } from '../appliance-contents.ts';
import { areEqual } from './compare-bytes.ts';
import { compareKeys, type KeyChange } from './keys.ts';

/** Of the first sector: what a BIOS runs. Behind it are the disk's signature and the old table. */
const BOOT_CODE_BYTES = 440;

export async function comparePartitions(
  old: DiskContents,
  now: DiskContents,
  signal: AbortSignal,
): Promise<readonly KeyChange[]> {
  const changes = [...compareKeys(layoutOf(old), layoutOf(now))];
  const codes = await Promise.all([bootCode(old), bootCode(now)]);
  if (!codes[0].equals(codes[1])) changes.push(otherContent('boot code of the first sector'));
  for (const volume of now.volumes) {
    const other = old.volumes.find(
      ({ partition }) => numberOf(partition) === numberOf(volume.partition),
    );
    // Files tell more than bytes.
    if (!other || volume.fileSystem || other.fileSystem) continue;
    if (await areSame(volume, other, signal)) continue;
    changes.push(otherContent(`${calledOf(volume)} content`));
  }
  return changes;
}

function otherContent(key: string): KeyChange {
  return { key, old: 'some bytes', new: 'other bytes' };
}

async function bootCode({ image: { source } }: DiskContents): Promise<Buffer> {
  return source.read(0, Math.min(BOOT_CODE_BYTES, source.sizeBytes));
}

function areSame(one: Volume, other: Volume, signal: AbortSignal): Promise<boolean> {
  return areEqual(one.region, other.region, signal);
}

/** All that a table says, and which file systems are there. */
function layoutOf({ table, volumes, image }: DiskContents): ReadonlyMap<string, string> {
  const facts = new Map<string, string>([
    ['disk size', String(image.source.sizeBytes)],
    ['partition table', table.kind],
    ['disk identifier', table.id],
  ]);
  for (const volume of volumes) {
    const { partition, fileSystem, foreign } = volume;
    const called = calledOf(volume);
    if (partition) {
      facts.set(`${called} start`, String(partition.startBytes));
      facts.set(`${called} size`, String(partition.sizeBytes));
      facts.set(`${called} type`, partition.type);
      facts.set(`${called} identifier`, partition.id);
      facts.set(`${called} name`, partition.name);
      facts.set(`${called} attributes`, partition.attributes);
    }
    facts.set(`${called} file system`, fileSystem?.name ?? foreign ?? 'none that pvmc knows');
    if (!fileSystem) continue;
    facts.set(`${called} file system identifier`, fileSystem.id);
    facts.set(`${called} file system label`, fileSystem.label);
    facts.set(`${called} file system size`, String(fileSystem.sizeBytes));
  }
  return facts;
}

function calledOf({ partition }: Volume): string {
  return partition ? `partition ${partition.number}` : 'disk';
}

function numberOf(partition: Volume['partition']): number {
  return partition?.number ?? 0;
}
