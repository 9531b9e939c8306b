/**
 * Files that the guest hands over in pieces, written into one folder of the host. Names are made
 * harmless and sizes are limited: the guest decides neither where a file lands nor how much room the
 * host has left.
 */
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, PvmcError, systemCodeOf } from '../system/error.ts';
import { formatSize } from '../system/size.ts';

export interface FileLimits {
  readonly fileBytes: number;
  readonly allFilesBytes: number;
  readonly files: number;
}

const LIMITS: FileLimits = { fileBytes: 64 * 2 ** 20, allFilesBytes: 256 * 2 ** 20, files: 100 };

interface OpenFile {
  readonly handle: FileHandle;
  bytes: number;
  cut: boolean;
}

export interface FilePiece {
  readonly name: string;
  readonly last: boolean;
  readonly base64: string;
}

export class ReceivedFiles {
  readonly #folder: string;
  readonly #note: (line: string) => void;
  readonly #limits: FileLimits;
  readonly #open = new Map<string, OpenFile>();
  readonly #names = new Set<string>();
  #bytes = 0;

  constructor(folder: string, note: (line: string) => void, limits: FileLimits = LIMITS) {
    this.#folder = folder;
    this.#note = note;
    this.#limits = limits;
  }

  /** Takes one piece; a file whose first piece comes again is written anew. */
  async take({ name, last, base64 }: FilePiece): Promise<void> {
    const safeName = harmlessName(name);
    try {
      const file = this.#open.get(safeName) ?? (await this.#begin(safeName));
      if (!file) return;
      await this.#append(safeName, file, Buffer.from(base64, 'base64'));
      if (last) await this.#finish(safeName, file);
    } catch (thrown) {
      throw cannotWrite(join(this.#folder, safeName), thrown);
    }
  }

  /** Closes what is still open: the guest has gone before it had sent everything. */
  async close(): Promise<void> {
    for (const [name, file] of this.#open) {
      this.#note(`the guest's file ${name} is incomplete`);
      await file.handle.close();
    }
    this.#open.clear();
  }

  async #begin(name: string): Promise<OpenFile | undefined> {
    if (!this.#names.has(name)) {
      if (this.#names.size === this.#limits.files)
        this.#note(`the guest sends more than ${this.#limits.files} files: the rest is left out`);
      if (this.#names.size >= this.#limits.files) return undefined;
      this.#names.add(name);
    }
    await mkdir(this.#folder, { recursive: true });
    const handle = await open(join(this.#folder, name), 'w', 0o600);
    const file = { handle, bytes: 0, cut: false };
    this.#open.set(name, file);
    return file;
  }

  async #append(name: string, file: OpenFile, piece: Buffer): Promise<void> {
    if (file.cut) return;
    const room = Math.min(
      this.#limits.fileBytes - file.bytes,
      this.#limits.allFilesBytes - this.#bytes,
    );
    const kept = piece.subarray(0, room);
    await file.handle.writeFile(kept);
    file.bytes += kept.length;
    this.#bytes += kept.length;
    if (kept.length === piece.length) return;
    file.cut = true;
    this.#note(`the guest's file ${name} is cut off after ${formatSize(file.bytes)}`);
  }

  async #finish(name: string, file: OpenFile): Promise<void> {
    this.#open.delete(name);
    await file.handle.close();
  }
}

/** A plain file name: letters, digits and `._+-`, no leading dot, a hundred characters at most. */
export function harmlessName(name: string): string {
  const plain = name
    .slice(0, 100)
    .replace(/[^A-Za-z0-9._+-]/g, '_')
    .replace(/^\.+/, '');
  return plain === '' ? 'unnamed' : plain;
}

function cannotWrite(path: string, cause: unknown): PvmcError {
  const full = systemCodeOf(cause) === 'ENOSPC';
  return new PvmcError({
    kind: 'host',
    code: full ? 'no-space' : 'file-not-written',
    message: `the guest's file cannot be written to ${path}: ${messageOf(cause)}`,
    hint: full ? 'Make room on that disk and run the build again.' : undefined,
    cause,
  });
}
