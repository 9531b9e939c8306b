/**
 * Which ranges of a disk image hold data, and where in the file. The disks that we export are mostly
 * empty: whoever follows the extents takes time for what is there, not for the nominal size.
 */
import { resolve } from 'node:path';
import { PvmcError } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { run } from '../system/run.ts';

export type DiskFormat = 'raw' | 'qcow2' | 'vdi';

export interface DiskImage {
  readonly path: string;
  readonly format: DiskFormat;
}

/** A range of the disk that holds data. */
export interface Extent {
  /** On the disk, in bytes. */
  readonly start: number;
  readonly lengthBytes: number;
  /** Where the same bytes are in the image file. */
  readonly fileOffset: number;
}

export interface DiskMap {
  /** What a guest sees, in whole sectors. */
  readonly sizeBytes: number;
  readonly dataBytes: number;
  /** In order, none of them touching the next. */
  readonly extents: readonly Extent[];
  /**
   * `file`: all data can be read from the image file at the extents' offsets. `qemu`: some of it is
   * compressed or in another file, and only qemu-img can read it.
   */
  readonly readableBy: 'file' | 'qemu';
}

/** What `qemu-img map --output=json` says of one range. */
interface Range {
  readonly start: number;
  readonly length: number;
  readonly depth: number;
  readonly zero: boolean;
  readonly data: boolean;
  readonly offset?: number;
}

/** @throws PvmcError `program-failed` when qemu-img cannot read the image. */
export async function mapDisk(image: DiskImage, progress: Progress): Promise<DiskMap> {
  const extents: Extent[] = [];
  let sizeBytes = 0;
  let dataBytes = 0;
  let readableBy: DiskMap['readableBy'] = 'file';
  // Taken line by line: a fragmented disk has more of them than run() keeps.
  const take = (line: string) => {
    const range = parseRange(line);
    if (!range) return;
    sizeBytes = range.start + range.length;
    if (!range.data || range.zero) return;
    dataBytes += range.length;
    if (range.offset === undefined || range.depth > 0) readableBy = 'qemu';
    append(extents, range);
  };
  // qemu-img takes what stands before a colon for a protocol, unless a slash comes first.
  const argv = ['qemu-img', 'map', '--output=json', '-f', image.format, resolve(image.path)];
  await run(argv, {
    signal: progress.signal,
    log: (line, origin) => (line.startsWith('qemu-img:') ? progress.log(line, origin) : take(line)),
  });
  if (sizeBytes === 0) {
    throw new PvmcError({
      kind: 'input',
      code: 'disk-empty',
      message: `the disk image ${image.path} has no size`,
    });
  }
  return { sizeBytes, dataBytes, extents, readableBy };
}

/** qemu-img writes one object a line, as elements of one array. */
function parseRange(line: string): Range | undefined {
  const json = /\{.*\}/.exec(line)?.[0];
  if (json === undefined) return undefined;
  const range: Range = JSON.parse(json);
  return range;
}

function append(extents: Extent[], range: Range): void {
  const fileOffset = range.offset ?? 0;
  const last = extents.at(-1);
  const touches =
    last !== undefined &&
    last.start + last.lengthBytes === range.start &&
    last.fileOffset + last.lengthBytes === fileOffset;
  if (touches) {
    const lengthBytes = last.lengthBytes + range.length;
    extents.splice(-1, 1, { ...last, lengthBytes });
  } else {
    extents.push({ start: range.start, lengthBytes: range.length, fileOffset });
  }
}
