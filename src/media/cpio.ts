/** Writes cpio archives in the `newc` format, which the kernel unpacks as its initial RAM file system. */

export type CpioEntry =
  | {
      readonly type: 'file';
      readonly path: string;
      readonly mode: number;
      readonly content: Uint8Array;
    }
  | { readonly type: 'folder'; readonly path: string; readonly mode: number }
  | { readonly type: 'symlink'; readonly path: string; readonly target: string }
  | {
      readonly type: 'character-device';
      readonly path: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

const FORMAT: Readonly<Record<CpioEntry['type'], number>> = {
  file: 0o100000,
  folder: 0o040000,
  symlink: 0o120000,
  'character-device': 0o020000,
};

/** The archive of the entries in their order, owned by root. Parents must come before their children. */
export function cpioArchive(entries: readonly CpioEntry[], mtimeSeconds: number): Buffer {
  const parts = entries.flatMap((entry, index) => member(entry, index + 1, mtimeSeconds));
  const trailer = { type: 'file', path: 'TRAILER!!!', mode: 0, content: new Uint8Array() } as const;
  const end = member(trailer, 0, 0);
  return padded(Buffer.concat([...parts, ...end]), 512);
}

function member(entry: CpioEntry, inode: number, mtimeSeconds: number): Buffer[] {
  const body = bodyOf(entry);
  const name = Buffer.from(`${entry.path}\0`);
  const device = entry.type === 'character-device' ? entry : { major: 0, minor: 0 };
  const mode = entry.type === 'symlink' ? 0o777 : entry.mode;
  const fields = [
    inode,
    entry.path === 'TRAILER!!!' ? 0 : FORMAT[entry.type] | mode,
    0, // user
    0, // group
    entry.type === 'folder' ? 2 : 1, // links
    mtimeSeconds,
    body.length,
    0, // device of the file system, major and minor
    0,
    device.major,
    device.minor,
    name.length,
    0, // checksum, unused in this format
  ];
  const header = Buffer.from(`070701${fields.map(hexadecimal).join('')}`);
  return [padded(Buffer.concat([header, name]), 4), padded(body, 4)];
}

function bodyOf(entry: CpioEntry): Buffer {
  if (entry.type === 'file') return Buffer.from(entry.content);
  if (entry.type === 'symlink') return Buffer.from(entry.target);
  return Buffer.alloc(0);
}

function hexadecimal(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}

function padded(bytes: Buffer, boundary: number): Buffer {
  const missing = (boundary - (bytes.length % boundary)) % boundary;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}
