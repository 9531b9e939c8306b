/** The blocks that no file and no part of the file system itself uses, by the bitmaps of the groups. */
import type { Run } from '../byte-source.ts';
import type { Ext4 } from './ext4.ts';
import { copiesAt, readGroup } from './superblock.ts';

/**
 * Ranges of the partition, in order; `at` equals `from`.
 * @throws PvmcError `disk-invalid`
 */
export async function* freeRanges({ region, superblock }: Ext4): AsyncGenerator<Run> {
  const { groups, blocksPerGroup, firstBlock, blocks, blockBytes } = superblock;
  const own = await blocksOfGroups({ region, superblock });
  for (let group = 0; group < groups; group += 1) {
    const first = firstBlock + group * blocksPerGroup;
    const count = Math.min(blocksPerGroup, blocks - first);
    const { blockBitmap, isNeverUsed } = await readGroup(region, superblock, group);
    const copies = copiesAt(superblock, group);
    const bitmap = isNeverUsed
      ? undefined
      : await region.read(blockBitmap * blockBytes, blockBytes);
    const isFree = (index: number) =>
      bitmap
        ? ((bitmap[index >>> 3] ?? 0) & (1 << (index & 7))) === 0
        : index >= copies && !own.has(first + index);
    for (let index = 0; index < count; ) {
      const start = index;
      while (index < count && isFree(index)) index += 1;
      if (index > start) {
        const from = (first + start) * blockBytes;
        yield { at: from, from, lengthBytes: (index - start) * blockBytes };
      }
      index += 1;
    }
  }
}

/** The bitmaps and tables of all groups, which may stand in other groups. */
async function blocksOfGroups({ region, superblock }: Pick<Ext4, 'region' | 'superblock'>) {
  const own = new Set<number>();
  const tableBlocks = Math.ceil(
    (superblock.inodesPerGroup * superblock.inodeBytes) / superblock.blockBytes,
  );
  for (let group = 0; group < superblock.groups; group += 1) {
    const { blockBitmap, inodeBitmap, inodeTable } = await readGroup(region, superblock, group);
    own.add(blockBitmap).add(inodeBitmap);
    for (let index = 0; index < tableBlocks; index += 1) own.add(inodeTable + index);
  }
  return own;
}
