/** Whether bytes are the same, without a digest: the first difference ends it. */
import type { ByteSource } from '../byte-source.ts';
import { PAGE_BYTES } from '../byte-source.ts';
import type { DiskImage } from '../disk-image.ts';

const PIECE_BYTES = 2 ** 20;

/** @throws the signal's reason */
export async function areEqual(
  one: ByteSource,
  other: ByteSource,
  signal: AbortSignal,
): Promise<boolean> {
  if (one.sizeBytes !== other.sizeBytes) return false;
  for (let at = 0; at < one.sizeBytes; at += PIECE_BYTES) {
    signal.throwIfAborted();
    // A file may have terabytes of holes.
    const next = Math.min(nextData(one, at), nextData(other, at));
    at = Math.max(at, Math.floor(next / PIECE_BYTES) * PIECE_BYTES);
    if (next >= one.sizeBytes) return true;
    const length = Math.min(PIECE_BYTES, one.sizeBytes - at);
    const [left, right] = await Promise.all([one.read(at, length), other.read(at, length)]);
    if (!left.equals(right)) return false;
  }
  return true;
}

function nextData(source: ByteSource, offset: number): number {
  return source.nextData?.(offset) ?? offset;
}

/** The pages of 64 KiB in which two disks differ. */
export interface DifferingPages {
  readonly count: number;
  /** Whether any byte of a range may differ. */
  readonly touch: (offset: number, lengthBytes: number) => boolean;
}

/** How many pages are compared at a time. */
const AT_ONCE = 16;

/**
 * Compares two disks page by page. What both store in the same form and with the same bytes is not even
 * inflated, and what neither stores is not looked at.
 */
export async function differingPages(
  one: DiskImage,
  other: DiskImage,
  signal: AbortSignal,
): Promise<DifferingPages> {
  const common = Math.min(one.source.sizeBytes, other.source.sizeBytes);
  const pages = Math.ceil(Math.max(one.source.sizeBytes, other.source.sizeBytes) / PAGE_BYTES);
  const bits = new Uint8Array(Math.ceil(pages / 8));
  let count = 0;
  const look = async (page: number): Promise<void> => {
    if (await isSamePage(one, other, { page, common })) return;
    count += 1;
    bits[page >>> 3] = (bits[page >>> 3] ?? 0) | (1 << (page & 7));
  };
  for (let page = 0; page < pages; page += AT_ONCE) {
    signal.throwIfAborted();
    const numbers = Array.from({ length: Math.min(AT_ONCE, pages - page) }, (_, at) => page + at);
    await Promise.all(numbers.map(look));
  }
  return {
    count,
    touch: (offset, lengthBytes) => {
      const last = Math.floor((offset + lengthBytes - 1) / PAGE_BYTES);
      for (let page = Math.floor(offset / PAGE_BYTES); page <= last; page += 1) {
        if (((bits[page >>> 3] ?? 0) & (1 << (page & 7))) !== 0) return true;
      }
      return false;
    },
  };
}

async function isSamePage(
  one: DiskImage,
  other: DiskImage,
  { page, common }: { readonly page: number; readonly common: number },
): Promise<boolean> {
  const start = page * PAGE_BYTES;
  // Behind the end of the smaller one nothing is the same.
  if (start + 1 > common) return false;
  const [left, right] = await Promise.all([one.stored(page), other.stored(page)]);
  if (!left && !right) return true;
  if (left && right && one.format === other.format && left.equals(right)) return true;
  const length = Math.min(PAGE_BYTES, common - start);
  const [plain, otherPlain] = await Promise.all([
    one.source.read(start, length),
    other.source.read(start, length),
  ]);
  return plain.equals(otherPlain);
}
