/** Identifiers that other tools draw at random: here they follow from what they identify. */
import { createHash } from 'node:crypto';

/** 32 bytes that are the same for the same words. */
export function derivedDigest(...words: readonly string[]): Buffer {
  return createHash('sha256').update(words.join('\0')).digest();
}

/** A UUID of version 8, whose bits are its maker's own (RFC 9562, section 5.8). */
export function derivedUuid(...words: readonly string[]): string {
  const bytes = derivedDigest(...words).subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** 32 hexadecimal digits for a VMDK, whose last eight must not be the two values that mean "none". */
export function derivedContentId(...words: readonly string[]): string {
  const digits = derivedDigest(...words)
    .toString('hex')
    .slice(0, 32);
  return digits.replace(/f{7}[ef]$/, '00000001');
}
