/**
 * How much a file of zstd unpacks to, from the headers of its frames and blocks (RFC 8878): known before a
 * byte is unpacked, and whether the file is whole. Four bytes of a block can stand for 128 KiB, so a file of some
 * kilobytes may be made to fill every disk.
 */
import { broken, quoted } from '../appliance/broken.ts';
import { type PackageFile, readExactly } from '../appliance/ova/members.ts';
import type { PvmcError } from '../system/error.ts';

const FRAME_MAGIC = 0xfd2f_b528;
/** Sixteen of them, for what is no data. */
const SKIPPABLE_MAGIC = 0x184d_2a50;
const LARGEST_BLOCK_BYTES = 2 ** 17;
/** Magic, descriptor, window, dictionary, content size. */
const LARGEST_HEADER_BYTES = 18;

export interface ZstdMeasure {
  /** It unpacks to no more; a frame's last block may be shorter. */
  readonly mostBytes: number;
  /** What certainly takes room, though zeros are left out. */
  readonly leastStoredBytes: number;
}

/**
 * @param enough what is larger is not measured to its end
 * @throws PvmcError `disk-damaged` for one that is cut off or no zstd; the signal's reason
 */
export async function measureZstd(
  file: PackageFile,
  enough: number,
  signal: AbortSignal,
): Promise<ZstdMeasure> {
  const reader = new HeaderReader(file, signal);
  let mostBytes = 0;
  let leastStoredBytes = 0;
  while (reader.left > 0) {
    const header = await reader.look(LARGEST_HEADER_BYTES);
    const magic = header.length < 8 ? 0 : header.readUInt32LE(0);
    if (magic >= SKIPPABLE_MAGIC && magic < SKIPPABLE_MAGIC + 16) {
      reader.skip(8 + header.readUInt32LE(4));
      continue;
    }
    if (magic !== FRAME_MAGIC) throw reader.broken('no frame of zstd begins there');
    const descriptor = header.readUInt8(4);
    reader.skip(headerBytes(descriptor));
    for (let isLast = false; !isLast; ) {
      const block = blockIn(reader.peek(4) ?? (await reader.look(4)), reader);
      isLast = block.isLast;
      mostBytes += block.mostBytes;
      leastStoredBytes += block.leastStoredBytes;
      if (mostBytes > enough) return { mostBytes, leastStoredBytes };
    }
    const hasChecksum = (descriptor & 4) !== 0;
    if (hasChecksum) reader.skip(4);
  }
  return { mostBytes, leastStoredBytes };
}

function headerBytes(descriptor: number): number {
  const isSingle = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const content = [isSingle ? 1 : 0, 2, 4, 8][descriptor >>> 6] ?? 0;
  return 5 + (isSingle ? 0 : 1) + dictionary + content;
}

/** A file may have millions of them: nobody waits for bytes that are there. */
function blockIn(bytes: Buffer, reader: HeaderReader) {
  if (bytes.length < 3) throw reader.cutOff();
  const header = bytes.readUIntLE(0, 3);
  const size = header >>> 3;
  const type = (['raw', 'repeated', 'compressed', 'none'] as const)[(header >>> 1) & 3];
  if (type === 'none' || size > LARGEST_BLOCK_BYTES) throw reader.broken('a block is none');
  reader.skip(3 + (type === 'repeated' ? 1 : size));
  const isZero = type === 'repeated' && bytes[3] === 0;
  return {
    isLast: (header & 1) === 1,
    mostBytes: type === 'compressed' ? LARGEST_BLOCK_BYTES : size,
    leastStoredBytes: type === 'compressed' || isZero ? 0 : size,
  };
}

const WINDOW_BYTES = 2 ** 12;

/** Goes from header to header; what is between is not read. */
class HeaderReader {
  readonly #file: PackageFile;
  readonly #signal: AbortSignal;
  #at = 0;
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;

  constructor(file: PackageFile, signal: AbortSignal) {
    this.#file = file;
    this.#signal = signal;
  }

  get left(): number {
    return this.#file.sizeBytes - this.#at;
  }

  /** The next bytes, if they are there already. */
  peek(lengthBytes: number): Buffer | undefined {
    const from = this.#at - this.#windowAt;
    const to = from + lengthBytes;
    return to <= this.#window.length ? this.#window.subarray(from, to) : undefined;
  }

  /** The next bytes, fewer at the end. */
  async look(lengthBytes: number): Promise<Buffer> {
    const known = this.peek(lengthBytes);
    if (known) return known;
    this.#signal.throwIfAborted();
    const { file, offset } = this.#file;
    this.#window = await readExactly(file, offset + this.#at, Math.min(WINDOW_BYTES, this.left));
    this.#windowAt = this.#at;
    return this.#window.subarray(0, lengthBytes);
  }

  skip(lengthBytes: number): void {
    if (lengthBytes > this.left) throw this.cutOff();
    this.#at += lengthBytes;
  }

  cutOff(): PvmcError {
    return zstdDamaged(`${quoted(this.#file.name)} is cut off: its end is missing`);
  }

  broken(what: string): PvmcError {
    return zstdDamaged(`${quoted(this.#file.name)} is damaged at byte ${this.#at}: ${what}`);
  }
}

function zstdDamaged(message: string): PvmcError {
  return broken({ code: 'disk-damaged', message, hint: 'Copy or download it again.' });
}
