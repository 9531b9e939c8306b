/**
 * Public keys of extra repositories. Inside a sources file a key must be armored, and as a path it
 * may hold no space; so every key is carried as armored text. Whether a file is a key at all has been
 * checked with the manifest.
 */
import { readFile } from 'node:fs/promises';

const ARMOR_BEGIN = '-----BEGIN PGP PUBLIC KEY BLOCK-----';
const ARMOR_END = '-----END PGP PUBLIC KEY BLOCK-----';

/** Reads a key file, armored (`.asc`) or binary (`.gpg`), as armored text without anything around. */
export async function readArmoredKey(path: string): Promise<string> {
  const bytes = await readFile(path);
  const text = bytes.toString('latin1').replaceAll('\r\n', '\n');
  const begin = text.indexOf(ARMOR_BEGIN);
  if (begin === -1) return armor(bytes);
  return `${text.slice(begin, text.lastIndexOf(ARMOR_END))}${ARMOR_END}\n`;
}

function armor(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  const checksum = Buffer.alloc(3);
  checksum.writeUIntBE(crc24(bytes), 0, 3);
  return [ARMOR_BEGIN, '', ...lines, `=${checksum.toString('base64')}`, ARMOR_END, ''].join('\n');
}

/** The armor's checksum (RFC 9580, 6.1.1), which older programs want to see. */
function crc24(bytes: Buffer): number {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let bit = 0; bit < 8; bit += 1) {
      crc <<= 1;
      if (crc & 0x1000000) crc ^= 0x1864cfb;
    }
  }
  return crc & 0xffffff;
}
