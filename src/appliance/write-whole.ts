/** A file that is written at places: a `FileHandle`, or a part of one. */
export interface PlacedFile {
  // oxlint-disable-next-line max-params -- as FileHandle has it
  readonly write: (
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ) => Promise<{ readonly bytesWritten: number }>;
  readonly truncate: (sizeBytes: number) => Promise<void>;
}

/** Writes all of the bytes; a write of the system may do only a part of them. */
export async function writeWhole(
  file: Pick<PlacedFile, 'write'>,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
