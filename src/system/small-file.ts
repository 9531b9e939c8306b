/** Small files that users name. What they name may be a device or a pipe, which has no size and no end. */
import { open } from 'node:fs/promises';
import { messageOf, systemCodeOf } from './error.ts';
import { formatSize } from './size.ts';

/** @throws Error with what is wrong, in words that go on after the file’s name and a colon */
export async function readSmallFile(path: string, mostBytes: number): Promise<Buffer> {
  try {
    return await readUpTo(path, mostBytes);
  } catch (thrown) {
    throw new Error(wordsFor(thrown), { cause: thrown });
  }
}

async function readUpTo(path: string, mostBytes: number): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const pieces: Buffer[] = [];
    let length = 0;
    while (length <= mostBytes) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(65_536));
      if (bytesRead === 0) return Buffer.concat(pieces);
      pieces.push(buffer.subarray(0, bytesRead));
      length += bytesRead;
    }
  } finally {
    await file.close();
  }
  throw new Error(`it has more than ${formatSize(mostBytes)}`);
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'this account may not read it',
  EPERM: 'this account may not read it',
};

function wordsFor(thrown: unknown): string {
  return WORDS[systemCodeOf(thrown) ?? ''] ?? messageOf(thrown);
}
