/**
 * The files of one export while they are made: all have provisional names until the last of them is whole,
 * and then get their own together. What is not finished is removed, folders among it.
 */
import { createHash } from 'node:crypto';
import { rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PvmcError } from '../system/error.ts';
import { isThere } from '../system/is-there.ts';
import { sha256Of } from '../system/sha256.ts';
import { checksumName, checksumText } from './checksums.ts';
import type { FormatOutput, Written } from './formats/format.ts';
import { ensureFolder, outputFull, PartialFile } from './partial-file.ts';
import { writeWhole } from './write-whole.ts';

export class OutputFiles implements AsyncDisposable {
  readonly #folder: string;
  readonly #signal: AbortSignal;
  readonly #partials = new Map<string, PartialFile>();
  readonly #written = new Map<string, Written>();
  /** Folders that were not there before. */
  readonly #newFolders: string[] = [];

  /** @param folder that is there; names are relative to it */
  constructor(folder: string, signal: AbortSignal) {
    this.#folder = folder;
    this.#signal = signal;
  }

  /** For a format that has promised these names. */
  outputFor(names: readonly string[]): FormatOutput {
    const make = async (name: string, mode?: number) => {
      if (!names.includes(name) || this.#partials.has(name))
        throw new RangeError(`${name} is none of ${names.join(', ')}, or written already`);
      return this.#make(name, mode);
    };
    return {
      stream: async (name, content, mode) => this.#stream(name, content, await make(name, mode)),
      file: async (name, work, mode) => {
        const partial = await make(name, mode);
        let known: string | undefined;
        await partial.write(async (file) => {
          known = await work(file);
        });
        return this.#note(name, known ?? (await sha256Of(partial.path, this.#signal)));
      },
      program: async (name, work) => {
        const partial = await make(name);
        // Made here first: what the system says about the folder is clearer than what a program says.
        await partial.write(async () => {});
        await work(partial.path).catch((thrown: unknown) => {
          throw saysFull(thrown) ? outputFull(partial.finalPath, thrown) : thrown;
        });
        await partial.sync();
        return this.#note(name, await sha256Of(partial.path, this.#signal));
      },
    };
  }

  /** What was written under this name. */
  written(name: string): Written {
    const written = this.#written.get(name);
    if (!written) throw new RangeError(`${name} was not written`);
    return written;
  }

  /** Gives all files their names, each with its checksum beside it. */
  async finish(): Promise<void> {
    for (const [name, { sha256 }] of this.#written) {
      const checksum = await this.#make(checksumName(name));
      const text = checksumText(name, sha256);
      await checksum.write((file) => file.writeFile(text));
    }
    for (const partial of this.#partials.values()) await partial.finish();
    this.#newFolders.length = 0;
  }

  /** Removes what is not finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const partial of this.#partials.values()) await partial[Symbol.asyncDispose]();
    // One in which something else has come to lie stays.
    for (const folder of this.#newFolders) await rmdir(folder).catch(() => {});
  }

  async #make(name: string, mode?: number): Promise<PartialFile> {
    const path = join(this.#folder, name);
    const folder = dirname(path);
    if (!(await isThere(folder))) {
      await ensureFolder(folder);
      this.#newFolders.push(folder);
    }
    const partial = new PartialFile(path, mode);
    this.#partials.set(name, partial);
    return partial;
  }

  async #stream(
    name: string,
    content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    partial: PartialFile,
  ): Promise<Written> {
    const hash = createHash('sha256');
    await partial.write(async (file) => {
      let position = 0;
      for await (const piece of content) {
        hash.update(piece);
        await writeWhole(file, piece, position);
        position += piece.length;
      }
    });
    return this.#note(name, hash.digest('hex'));
  }

  async #note(name: string, sha256: string): Promise<Written> {
    const path = this.#partials.get(name)?.path ?? '';
    const written = { sizeBytes: (await stat(path)).size, sha256 };
    this.#written.set(name, written);
    return written;
  }
}

function saysFull(thrown: unknown): boolean {
  return (
    thrown instanceof PvmcError && thrown.details.join('\n').includes('No space left on device')
  );
}
