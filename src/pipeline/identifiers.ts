/**
 * Everything that other tools draw at random, derived instead: the same manifest and packages give the
 * same identifiers, and so the same bits; another manifest gives others, so two appliances can be
 * attached to one machine.
 */
import type { Identifiers } from '../manifest/installation-manifest.ts';
import { derivedDigest, derivedUuid } from '../system/identity.ts';

/** The identifiers of what `seed` describes. */
export function identifiersFor(seed: string): Identifiers {
  return {
    diskGuid: derivedUuid('disk', seed),
    biosBootGuid: derivedUuid('bios-boot', seed),
    espGuid: derivedUuid('esp', seed),
    rootPartitionGuid: derivedUuid('root-partition', seed),
    rootUuid: derivedUuid('root', seed),
    rootHashSeed: derivedUuid('root-hash-seed', seed),
    espSerial: derivedDigest('esp-serial', seed).subarray(0, 4).toString('hex'),
  };
}
