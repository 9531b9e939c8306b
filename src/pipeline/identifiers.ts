/**
 * Everything that other tools draw at random, derived instead: the same manifest and packages give the
 * same identifiers, and so the same bits; another manifest gives others, so two appliances can be
 * attached to one machine.
 */
import { createHash } from 'node:crypto';
import type { Identifiers } from '../manifest/installation-manifest.ts';

/** The identifiers of what `seed` describes. */
export function identifiersFor(seed: string): Identifiers {
  return {
    diskGuid: uuid(seed, 'disk'),
    biosBootGuid: uuid(seed, 'bios-boot'),
    espGuid: uuid(seed, 'esp'),
    rootPartitionGuid: uuid(seed, 'root-partition'),
    rootUuid: uuid(seed, 'root'),
    rootHashSeed: uuid(seed, 'root-hash-seed'),
    espSerial: digest(seed, 'esp-serial').subarray(0, 4).toString('hex'),
  };
}

function digest(seed: string, what: string): Buffer {
  return createHash('sha256').update(`${what}\0${seed}`).digest();
}

/** A UUID of version 8, whose bits are its maker's own (RFC 9562, section 5.8). */
function uuid(seed: string, what: string): string {
  const bytes = digest(seed, what).subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
