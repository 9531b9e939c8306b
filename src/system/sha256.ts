/** The digest of a file, read in pieces: a disk image does not fit into memory. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';

/** In hexadecimal. @throws the signal's reason when it was aborted */
export async function sha256Of(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.allocUnsafe(2 ** 20);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return hash.digest('hex');
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}
