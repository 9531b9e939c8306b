/** A small appliance that is right, for the tables of appliances that are wrong in one way each. */
import type { Place } from '../../appliance/broken.ts';
import { ovfDescriptor } from '../../appliance/ovf/descriptor.ts';
import { CAPACITY, fake } from '../../appliance/testing/fake-vmdk.ts';
import { makeManifest } from '../../appliance/testing/fixtures.ts';
import {
  type Part,
  putTogether,
  withDigests,
  withPart,
} from '../../appliance/testing/tampering.ts';
import { GRAIN_BYTES } from '../../appliance/vmdk/format.ts';
import type { RuleName } from '../rules.ts';

export const OVF = 'tiny-1.0.ovf';
export const MF = 'tiny-1.0.mf';
export const DISK = 'tiny-1.0-disk1.vmdk';
/** Where the headers of the members are, and the end of the last one. */
export const AT = { ovf: 0, mf: 4608, disk: 5632, end: 77824 } as const;

/** A file that is wrong. */
export interface BrokenFile {
  readonly rule: RuleName;
  /** How it came to be, where a rule has more than one case. */
  readonly how?: string;
  readonly bytes: () => Buffer;
  readonly place: Place;
  readonly message: string;
  /** Other rules that complain too, of necessity. */
  readonly also?: readonly RuleName[];
  /** Of a file by itself; an OVA without. */
  readonly ending?: 'vmdk';
}

/** The members of an OVA with this disk. */
export function partsWith(disk: Buffer, changes: object = {}): readonly Part[] {
  const descriptor = ovfDescriptor(makeManifest(changes), {
    fileName: DISK,
    sizeBytes: disk.length,
    capacityBytes: CAPACITY,
    populatedBytes: 2 * GRAIN_BYTES,
  });
  return withDigests([
    { name: OVF, bytes: Buffer.from(descriptor) },
    { name: MF, bytes: Buffer.alloc(0) },
    { name: DISK, bytes: disk },
  ]);
}

export const parts = partsWith(fake());

export function part(name: string): Buffer {
  return parts.find((one) => one.name === name)?.bytes ?? Buffer.alloc(0);
}

/** The OVA with another descriptor. */
export function withDescriptor(edit: (text: string) => string, from = parts): Buffer {
  const text = from[0]?.bytes.toString() ?? '';
  const edited = edit(text);
  if (edited === text) throw new Error('the edit changes nothing');
  return putTogether(withPart(from, OVF, Buffer.from(edited)));
}

/** The OVA with another manifest. */
export function withManifest(edit: (text: string) => string): Buffer {
  const bytes = Buffer.from(edit(part(MF).toString()));
  return putTogether(parts.map((one) => (one.name === MF ? { ...one, bytes } : one)));
}
