/** Unpacks what gzip has packed into a file with holes, as large as a box can be and no larger. */
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { broken, quoted } from '../appliance/broken.ts';
import { type PackageFile, piecesOf } from '../appliance/ova/members.ts';
import { writeWhole } from '../appliance/write-whole.ts';
import { systemCodeOf } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { formatSize } from '../system/size.ts';
import { isZero } from './byte-source.ts';
import { unpackFull } from './unpack-disk.ts';

/** The disk in it is compressed: what is larger was made to fill disks. gzip can make a thousand bytes of one. */
const LARGEST_BYTES = 2 ** 36;
const CHUNK_BYTES = 2 ** 18;

/** @throws PvmcError `disk-damaged`, `disk-too-large`, `unpack-full`; the signal's reason */
export async function gunzip(file: PackageFile, target: string, progress: Progress): Promise<void> {
  const unpacked = createGunzip({ chunkSize: CHUNK_BYTES });
  const packed = Readable.from(piecesOf(file, progress.signal), { objectMode: false });
  packed.on('error', (reason) => unpacked.destroy(reason));
  packed.pipe(unpacked);
  let sizeBytes = 0;
  try {
    await using out = await open(target, 'wx');
    for await (const chunk of unpacked as AsyncIterable<Buffer>) {
      progress.signal.throwIfAborted();
      if (!isZero(chunk)) await writeWhole(out, chunk, sizeBytes);
      sizeBytes += chunk.length;
      if (sizeBytes > LARGEST_BYTES) throw tooLarge(file);
    }
    await out.truncate(sizeBytes);
  } catch (thrown) {
    throw explained(thrown, { file, target, sizeBytes });
  } finally {
    packed.destroy();
    unpacked.destroy();
  }
}

interface Unpacking {
  readonly file: PackageFile;
  readonly target: string;
  readonly sizeBytes: number;
}

function explained(thrown: unknown, { file, target, sizeBytes }: Unpacking): unknown {
  switch (systemCodeOf(thrown) ?? '') {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return unpackFull(file, target, `more than ${formatSize(sizeBytes)}`);
    case 'Z_BUF_ERROR':
      return damaged(`${quoted(file.name)} is cut off: its end is missing`, thrown);
    case 'Z_DATA_ERROR':
      return damaged(`${quoted(file.name)} is damaged: gzip cannot unpack it`, thrown);
    default:
      return thrown;
  }
}

function damaged(message: string, cause: unknown) {
  return broken({ code: 'disk-damaged', message, hint: 'Copy or download it again.', cause });
}

function tooLarge({ name }: PackageFile) {
  return broken({
    code: 'disk-too-large',
    message: `${quoted(name)} unpacks to more than ${formatSize(LARGEST_BYTES)}, the largest box that pvmc looks into`,
    hint: 'If it is meant to be of that size, unpack it (`gzip -dc`) and give what comes out.',
  });
}
