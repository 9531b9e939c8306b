/**
 * Public keys of repositories. Inside a sources file a key must be armored, and as a path it may hold
 * no space; so every key is read, looked at, and carried as armored text.
 */
import { readFile } from 'node:fs/promises';
import { messageOf } from '../system/error.ts';

export type KeyReading =
  | { readonly kind: 'key'; readonly armored: string }
  | { readonly kind: 'no-key'; readonly reason: string };

const ARMOR_BEGIN = '-----BEGIN PGP PUBLIC KEY BLOCK-----';
const ARMOR_END = '-----END PGP PUBLIC KEY BLOCK-----';

/** Reads a key file, armored (`.asc`) or binary (`.gpg`). */
export async function readKey(path: string): Promise<KeyReading> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (thrown) {
    return { kind: 'no-key', reason: messageOf(thrown) };
  }
  const text = bytes.toString('latin1').replaceAll('\r\n', '\n');
  if (text.includes('-----BEGIN PGP PRIVATE KEY BLOCK-----')) {
    return { kind: 'no-key', reason: 'it is a private key' };
  }
  if (text.includes(ARMOR_BEGIN)) {
    const armored = text.slice(text.indexOf(ARMOR_BEGIN), text.lastIndexOf(ARMOR_END));
    return armored === ''
      ? { kind: 'no-key', reason: 'its end is missing' }
      : { kind: 'key', armored: `${armored}${ARMOR_END}\n` };
  }
  return isPublicKeyPacket(bytes[0])
    ? { kind: 'key', armored: armor(bytes) }
    : { kind: 'no-key', reason: 'it is no OpenPGP public key' };
}

const PUBLIC_KEY_TAG = 6;

/** RFC 9580, 4.2: bit 7 is always set, bit 6 tells the new format; the tag follows. */
function isPublicKeyPacket(first: number | undefined): boolean {
  if (first === undefined || (first & 0x80) === 0) return false;
  const tag = (first & 0x40) === 0 ? (first >> 2) & 0x0f : first & 0x3f;
  return tag === PUBLIC_KEY_TAG;
}

function armor(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  const checksum = Buffer.alloc(3);
  checksum.writeUIntBE(crc24(bytes), 0, 3);
  return [ARMOR_BEGIN, '', ...lines, `=${checksum.toString('base64')}`, ARMOR_END, ''].join('\n');
}

/** The armor's checksum (RFC 9580, 6.1.1); gpg of Debian 12 complains when it is missing. */
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
