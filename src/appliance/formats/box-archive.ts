/**
 * The archive of a Vagrant box: a ustar of the same strict kind as an OVA's. Vagrant unpacks it with bsdtar,
 * which takes plain archives as well as compressed ones; the disks in it are compressed already. A header
 * stands before its file but tells its size, so it is written last.
 */
import { BLOCK_BYTES, blocksOf, checkMember, END_BYTES, encodeMember } from '../ova/ustar.ts';
import { type PlacedFile, writeWhole } from '../write-whole.ts';

export class BoxArchive {
  readonly #file: PlacedFile;
  readonly #seconds: number;
  #end = 0;

  /**
   * @param file empty
   * @param seconds since 1970: the time of every member
   */
  constructor(file: PlacedFile, seconds: number) {
    this.#file = file;
    this.#seconds = seconds;
  }

  async add(name: string, text: string): Promise<void> {
    await this.addPlaced(name, (part) => writeWhole(part, Buffer.from(text), 0));
  }

  /** A member that comes from the first byte to the last. Returns its size. */
  async addStream(name: string, content: AsyncIterable<Uint8Array>): Promise<number> {
    return this.addPlaced(name, async (part) => {
      let position = 0;
      for await (const piece of content) {
        await writeWhole(part, piece, position);
        position += piece.length;
      }
    });
  }

  /** A member that is written in any order. Returns its size. @throws PvmcError `export-too-large`, `export-name-too-long` */
  async addPlaced(name: string, work: (part: PlacedFile) => Promise<void>): Promise<number> {
    checkMember({ name, sizeBytes: 0 });
    const start = this.#end + BLOCK_BYTES;
    let sizeBytes = 0;
    await work({
      // oxlint-disable-next-line max-params -- as FileHandle has it
      write: async (bytes, offset, length, position) => {
        const result = await this.#file.write(bytes, offset, length, start + position);
        sizeBytes = Math.max(sizeBytes, position + result.bytesWritten);
        return result;
      },
      truncate: async (size) => {
        await this.#file.truncate(start + size);
        sizeBytes = size;
      },
    });
    await writeWhole(this.#file, encodeMember({ name, sizeBytes }, this.#seconds), this.#end);
    this.#end = start + blocksOf(sizeBytes) * BLOCK_BYTES;
    return sizeBytes;
  }

  /** Nothing can be added afterwards. */
  async end(): Promise<void> {
    await this.#file.truncate(this.#end + END_BYTES);
  }
}
