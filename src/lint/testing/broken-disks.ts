/** A disk for each rule of the disk: within an OVA that is right, or by itself. */
import { deflateSync } from 'node:zlib';
import { CAPACITY, change, fake, without } from '../../appliance/testing/fake-vmdk.ts';
import { putTogether } from '../../appliance/testing/tampering.ts';
import { encodeMarker, GRAIN_BYTES, SECTOR_BYTES } from '../../appliance/vmdk/format.ts';
import { type BrokenFile, DISK, partsWith } from './small-appliance.ts';

const inOva = (disk: () => Buffer) => () => putTogether(partsWith(disk()));
const at = (sector: number) => ({ member: DISK, sector });
const broken = (what: string) => `the virtual disk (VMDK) is broken: ${what}`;
const cut = (what: string) => `the virtual disk (VMDK) is cut off: ${what}`;
const described = (text: string) =>
  change('preamble', (bytes) =>
    bytes.write(`createType="streamOptimized"\n${text}\n`, SECTOR_BYTES),
  );
const x = deflateSync(Buffer.alloc(GRAIN_BYTES, 'x'));

/** A disk that a machine writes to: directory at 1, table at 2, one grain at 128. */
export function hostedSparse({ entry = 128 } = {}): Buffer {
  const bytes = Buffer.alloc(256 * SECTOR_BYTES);
  const header = fake().subarray(0, SECTOR_BYTES);
  header.copy(bytes);
  bytes.writeUInt32LE(1, 4);
  bytes.writeUInt32LE(1, 8);
  bytes.writeBigUInt64LE(10n, 28);
  bytes.writeBigUInt64LE(20n, 36);
  bytes.writeBigUInt64LE(1n, 56);
  bytes.writeUInt16LE(0, 77);
  bytes.writeUInt32LE(2, SECTOR_BYTES);
  bytes.writeUInt32LE(entry, 2 * SECTOR_BYTES + 12);
  bytes.write('createType="monolithicSparse"\nCID=12345678\n', 10 * SECTOR_BYTES);
  bytes.fill('x', 128 * SECTOR_BYTES);
  return bytes;
}

/** What qemu-img calls streamOptimized: directory and table before the grains, and nothing behind. */
export function qemuStream({ grainAt = 128 } = {}): Buffer {
  const bytes = Buffer.alloc(129 * SECTOR_BYTES);
  fake().subarray(0, SECTOR_BYTES).copy(bytes);
  bytes.writeBigUInt64LE(10n, 28);
  bytes.writeBigUInt64LE(1n, 56);
  bytes.writeUInt32LE(2, SECTOR_BYTES);
  bytes.writeUInt32LE(grainAt, 2 * SECTOR_BYTES + 12);
  bytes.write('createType="streamOptimized"\nCID=12345678\n', 10 * SECTOR_BYTES);
  bytes.writeBigUInt64LE(3n * 128n, 128 * SECTOR_BYTES);
  bytes.writeUInt32LE(x.length, 128 * SECTOR_BYTES + 8);
  x.copy(bytes, 128 * SECTOR_BYTES + 12);
  return bytes;
}

export const BROKEN_DISKS: readonly BrokenFile[] = [
  {
    rule: 'vmdk-foreign',
    bytes: inOva(() => Buffer.concat([Buffer.from('QFI\u00fb', 'latin1'), Buffer.alloc(65532)])),
    place: at(0),
    message: `"${DISK}" is a qcow2`,
  },
  {
    rule: 'vmdk-foreign',
    how: 'nothing that is known',
    bytes: inOva(() => Buffer.alloc(65536, 'raw ')),
    place: at(0),
    message: broken(`"${DISK}" is no sparse VMDK`),
  },
  {
    rule: 'vmdk-not-streamed',
    bytes: inOva(hostedSparse),
    place: at(0),
    message: broken(`"${DISK}" is no streamOptimized VMDK`),
  },
  {
    rule: 'vmdk-sparse',
    ending: 'vmdk',
    bytes: hostedSparse,
    place: { member: 'broken.vmdk', sector: 0 },
    message: broken('"broken.vmdk" is no streamOptimized VMDK'),
  },
  {
    rule: 'vmdk-line-ends',
    bytes: inOva(() => change('preamble', (bytes) => bytes.write('\n \n\n', 73))),
    place: at(0),
    message: broken('its line ends are not what they were: it was transferred as text'),
  },
  {
    rule: 'vmdk-version',
    bytes: inOva(() => change('preamble', (bytes) => bytes.writeUInt32LE(9, 4))),
    place: at(0),
    message: broken('it has the unknown version 9'),
  },
  {
    rule: 'vmdk-version-old',
    bytes: inOva(() => change('preamble', (bytes) => bytes.writeUInt32LE(1, 4))),
    place: at(0),
    message: 'its version is 1',
  },
  {
    rule: 'vmdk-grains',
    bytes: inOva(() => change('preamble', (bytes) => bytes.writeBigUInt64LE(2n ** 21n, 20))),
    place: at(0),
    message: broken('it has grains of 2097152 sectors and tables of 512, not 128 and 512'),
  },
  {
    rule: 'vmdk-layout',
    bytes: inOva(() => change('preamble', (bytes) => bytes.writeBigUInt64LE(2n ** 60n, 64))),
    place: at(0),
    message: broken('its description does not fit before its first grain'),
  },
  {
    rule: 'vmdk-create-type',
    bytes: inOva(() =>
      change('preamble', (bytes) => bytes.write('createType="monolithicSpars"\n', SECTOR_BYTES)),
    ),
    place: at(1),
    message: broken('its description says createType "monolithicSpars"'),
  },
  {
    rule: 'vmdk-capacity',
    bytes: inOva(() => fake({ capacitySectors: CAPACITY / SECTOR_BYTES / 2 })),
    place: at(0),
    message: broken('it holds a disk of 65536 sectors, the descriptor (.ovf) says 131072'),
  },
  {
    rule: 'vmdk-footer-missing',
    how: 'as qemu-img writes it',
    bytes: inOva(qemuStream),
    place: at(0),
    message: `"${DISK}" has no footer, so importers that stream it misread it`,
  },
  {
    rule: 'vmdk-footer-wrong',
    bytes: inOva(() => change('footer', (bytes) => bytes.writeUInt32LE(1, SECTOR_BYTES + 56))),
    place: at(138),
    message: broken('its footer does not agree with what comes before it'),
  },
  {
    rule: 'vmdk-end-missing',
    bytes: inOva(() => without('end')),
    place: at(139),
    message: cut('it ends before its end-of-stream marker'),
  },
  {
    rule: 'vmdk-cut-off',
    how: 'between two grains, which looks like the end of a stream',
    bytes: inOva(() => fake().subarray(0, 129 * SECTOR_BYTES)),
    place: { member: DISK },
    message: cut('it ends before its end-of-stream marker'),
  },
  {
    rule: 'vmdk-goes-on',
    bytes: inOva(() => Buffer.concat([fake(), Buffer.alloc(512)])),
    place: at(140),
    message: broken('it goes on behind its end-of-stream marker'),
  },
  {
    rule: 'vmdk-marker',
    bytes: inOva(() => change('table', (bytes) => bytes.writeUInt32LE(4711, 12))),
    place: at(130),
    message: broken('there is no marker at sector 130'),
  },
  {
    rule: 'vmdk-marker',
    how: 'the end before the footer',
    bytes: inOva(() =>
      change('directory', (bytes) => encodeMarker('end-of-stream', 0).copy(bytes)),
    ),
    place: at(135),
    message: broken('its end-of-stream marker comes before its footer'),
  },
  {
    rule: 'vmdk-order',
    bytes: inOva(() => fake({ grains: [3, 0].map((one) => ({ at: one * 128, data: x })) })),
    place: at(129),
    message: broken('grain 0 is out of order'),
  },
  {
    rule: 'vmdk-tables',
    bytes: inOva(() => change('table', (bytes) => bytes.writeUInt32LE(77, SECTOR_BYTES))),
    place: at(131),
    message: broken('the grain table at sector 131 does not say where its grains are'),
  },
  {
    rule: 'vmdk-tables',
    how: 'of a disk that a machine writes to',
    ending: 'vmdk',
    bytes: () => hostedSparse({ entry: 5000 }),
    place: { member: 'broken.vmdk', sector: 2 },
    message: broken('its table 0 has a grain at sector 5000, where none can be'),
    also: ['vmdk-sparse'],
  },
  {
    rule: 'vmdk-grain-damaged',
    bytes: inOva(() =>
      fake({ grains: [{ at: 0, data: Buffer.concat([x.subarray(0, -4), Buffer.alloc(4)]) }] }),
    ),
    place: at(128),
    message: broken('the grain at sector 0 cannot be inflated'),
  },
  {
    rule: 'vmdk-parent',
    bytes: inOva(() => described('parentCID=0badcafe')),
    place: at(1),
    message: 'its parentCID is "0badcafe"',
  },
  {
    rule: 'vmdk-unclean',
    bytes: inOva(() => change('preamble', (bytes) => bytes.writeUInt8(1, 72))),
    place: at(0),
    message: 'uncleanShutdown is set',
  },
  {
    rule: 'vmdk-ide',
    bytes: inOva(() => described('ddb.adapterType = "ide"')),
    place: at(1),
    message: 'ddb.adapterType is "ide"',
  },
];
