import type { FileHandle } from 'node:fs/promises';

/** Writes all of the bytes; a write of the system may do only a part of them. */
export async function writeWhole(
  file: FileHandle,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
