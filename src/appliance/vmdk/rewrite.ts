/**
 * Makes a streamOptimized VMDK of another VMDK: of one that qemu-img calls so, of one that a machine writes
 * to, of a stream without its end. Grains that are compressed already are taken over as they are; all around
 * them is made anew. The source is known to be whole.
 */

import { derivedContentId } from '../../system/identity.ts';
import type { Progress } from '../../system/progress.ts';
import type { Extent } from '../disk-extents.ts';
import { diskPieces } from '../disk-pieces.ts';
import type { PackageFile } from '../ova/members.ts';
import { GRAIN_BYTES, SECTOR_BYTES } from './format.ts';
import type { PackedGrain } from './grain-unpacker.ts';
import { isStream, type OpenVmdk, openVmdk, streamedGrains } from './stream.ts';
import { readPackedGrain, storedGrains } from './table-walk.ts';
import { streamOptimizedVmdk, vmdkOfGrains } from './writer.ts';

/** Yields the new file piece by piece; a piece is valid until the next one is asked for. */
export async function* rewrittenVmdk(
  file: PackageFile,
  name: string,
  progress: Progress,
): AsyncGenerator<Buffer> {
  const vmdk = await openVmdk(file, undefined, () => {});
  const { header, description } = vmdk;
  const { capacitySectors } = header;
  const contentId = derivedContentId(name, description.get('CID') ?? '', String(capacitySectors));
  const identity = { name, contentId };
  if (header.isStreamed) {
    const grains = isStream(vmdk) ? streamedGrains(vmdk, progress) : walkedGrains(vmdk, progress);
    yield* vmdkOfGrains({ capacitySectors, identity, grains });
    return;
  }
  const sizeBytes = capacitySectors * SECTOR_BYTES;
  const extents = await storedExtents(vmdk, progress);
  const dataBytes = extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  const pieces = diskPieces({
    file: file.file,
    map: { sizeBytes, dataBytes, extents, readableBy: 'file' },
    forms: ['deflated'],
    signal: progress.signal,
    onProgress: (done) => progress.amount({ done, total: dataBytes, unit: 'bytes' }),
  });
  yield* streamOptimizedVmdk({ disk: { sizeBytes, pieces }, identity });
}

async function* walkedGrains(vmdk: OpenVmdk, progress: Progress): AsyncGenerator<PackedGrain> {
  for await (const stored of storedGrains(vmdk, progress)) {
    const grain = await readPackedGrain(vmdk, stored);
    if (grain) yield grain;
  }
}

/** Where the disk's data are in the file, if they are not compressed; neighbours are one extent. */
async function storedExtents(vmdk: OpenVmdk, progress: Progress): Promise<readonly Extent[]> {
  const extents: Extent[] = [];
  const diskBytes = vmdk.header.capacitySectors * SECTOR_BYTES;
  for await (const { diskSector, sector } of storedGrains(vmdk, progress)) {
    const start = diskSector * SECTOR_BYTES;
    const fileOffset = vmdk.file.offset + sector * SECTOR_BYTES;
    const lengthBytes = Math.min(GRAIN_BYTES, diskBytes - start);
    const last = extents.at(-1);
    const touches =
      last !== undefined &&
      last.start + last.lengthBytes === start &&
      last.fileOffset + last.lengthBytes === fileOffset;
    if (touches) {
      extents[extents.length - 1] = { ...last, lengthBytes: last.lengthBytes + lengthBytes };
    } else {
      extents.push({ start, lengthBytes, fileOffset });
    }
  }
  return extents;
}
