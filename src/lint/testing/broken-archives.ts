/** An OVA for each rule of the archive. */
import { putTogether, withDigests } from '../../appliance/testing/tampering.ts';
import { AT, type BrokenFile, DISK, MF, OVF, part, parts } from './small-appliance.ts';

const good = putTogether(parts);
const [ovf, mf, disk] = [OVF, MF, DISK].map((name) => ({ name, bytes: part(name) }));
const all = (...given: (typeof ovf)[]) => putTogether(given.flatMap((one) => one ?? []));

/** The OVA with a changed header of its disk. */
const diskHeader = (change: (header: Buffer) => unknown) =>
  putTogether(parts, (header, index) => {
    if (index === 2) change(header);
  });

/** The OVA with an entry before its disk, of a type, with data. */
const withEntry = (type: string, name: string, data: string) =>
  putTogether(
    [...parts.slice(0, 2), { name, bytes: Buffer.from(data) }, ...parts.slice(2)],
    (header, index) => {
      if (index === 2) header.write(type, 156, 'latin1');
    },
  );

export const BROKEN_ARCHIVES: readonly BrokenFile[] = [
  {
    rule: 'not-a-tar',
    bytes: () => Buffer.alloc(4096, 'something else '),
    place: { offset: 0 },
    message: 'the archive is no OVA: it is not a tar archive',
  },
  {
    rule: 'not-a-tar',
    how: 'nothing but zeros',
    bytes: () => Buffer.alloc(10240),
    place: { offset: 0 },
    message: 'the archive is no OVA: it is not a tar archive',
  },
  {
    rule: 'tar-cut-off',
    bytes: () => good.subarray(0, 40_000),
    place: { member: DISK, offset: AT.disk },
    message: `the archive is cut off: "${DISK}" should go on to byte ${AT.end}, but the file has 40000`,
    also: ['digest-of-nothing', 'file-missing'],
  },
  {
    rule: 'tar-cut-off',
    how: 'nothing at all',
    bytes: () => Buffer.alloc(0),
    place: { offset: 0 },
    message: 'the archive is cut off: its end is missing',
  },
  {
    rule: 'tar-damaged',
    bytes: () => {
      const bytes = Buffer.from(good);
      bytes.write('X', AT.disk);
      return bytes;
    },
    place: { offset: AT.disk },
    message: `the archive is damaged: no member begins at byte ${AT.disk}, where one should`,
    also: ['digest-of-nothing', 'file-missing'],
  },
  {
    rule: 'end-missing',
    bytes: () => good.subarray(0, -1024),
    place: { offset: AT.end },
    message: 'the archive is cut off: its end is missing',
  },
  {
    rule: 'end-missing',
    how: 'one block of two',
    bytes: () => good.subarray(0, -512),
    place: { offset: AT.end },
    message: 'the archive is cut off: its end is missing',
  },
  {
    rule: 'end-not-empty',
    bytes: () => Buffer.concat([good, good]),
    place: { offset: AT.end + 1024 },
    message: `the archive goes on behind its end, at byte ${AT.end + 1024}`,
  },
  {
    rule: 'pax-header',
    bytes: () => withEntry('x', 'PaxHeaders/disk', '30 mtime=1760000000.123456789\n'),
    place: { offset: AT.disk },
    message: 'the archive has a pax header, which importers refuse',
  },
  {
    rule: 'pax-header',
    how: 'with the name of the disk',
    bytes: () => {
      const record = ` path=${DISK}\n`;
      const renamed = parts.map((one) => (one.name === DISK ? { ...one, name: 'disk~1' } : one));
      return putTogether(
        [
          ...renamed.slice(0, 2),
          { name: 'PaxHeaders', bytes: Buffer.from(`${record.length + 2}${record}`) },
          ...renamed.slice(2),
        ],
        (header, index) => {
          if (index === 2) header.write('x', 156, 'latin1');
        },
      );
    },
    place: { offset: AT.disk },
    message: 'the archive has a pax header, which importers refuse',
  },
  {
    rule: 'gnu-extension',
    bytes: () => withEntry('L', '././@LongLink', `${DISK}\0`),
    place: { offset: AT.disk },
    message: 'the archive has a GNU long name (././@LongLink), which importers refuse',
  },
  {
    rule: 'not-ustar',
    bytes: () => diskHeader((header) => header.write('ustar  \0', 257, 'latin1')),
    place: { member: DISK, offset: AT.disk },
    message: `the archive has a header that is not ustar (${DISK}), which importers refuse`,
  },
  {
    rule: 'folder-entry',
    bytes: () => withEntry('5', 'tiny/', ''),
    place: { offset: AT.disk },
    message: 'the archive has a folder (tiny/), which importers refuse',
  },
  {
    rule: 'entry-not-a-file',
    bytes: () => withEntry('2', 'extra', ''),
    place: { offset: AT.disk },
    message: 'the archive has a symbolic link (extra), which importers refuse',
  },
  {
    rule: 'member-in-folder',
    bytes: () => {
      const name = `./${DISK}`;
      const descriptor = part(OVF).toString().replace(DISK, name);
      return putTogether(
        withDigests([
          { name: OVF, bytes: Buffer.from(descriptor) },
          { name: MF, bytes: part(MF) },
          { name, bytes: part(DISK) },
        ]),
      );
    },
    place: { member: `./${DISK}`, offset: AT.disk },
    message: `the archive has a member whose name leads into a folder: "./${DISK}"`,
    also: ['file-elsewhere'],
  },
  {
    rule: 'member-name-strange',
    bytes: () =>
      putTogether(withDigests([...parts, { name: 'disk\u202ekdmv', bytes: Buffer.alloc(0) }])),
    place: { member: 'disk\u202ekdmv', offset: AT.end },
    message:
      'the archive has a member whose name has characters that are no text: "disk\u202ekdmv"',
    also: ['file-unreferenced'],
  },
  {
    rule: 'member-twice',
    bytes: () => putTogether([...parts, { name: DISK, bytes: Buffer.alloc(0) }]),
    place: { member: DISK, offset: AT.end },
    message: `the archive has a member whose name occurs twice: "${DISK}"`,
    also: ['digest-missing', 'files-order'],
  },
  {
    rule: 'members-too-many',
    bytes: () =>
      putTogether([
        ...parts,
        ...Array.from({ length: 100 }, (_, n) => ({ name: `n${n}`, bytes: Buffer.alloc(0) })),
      ]),
    place: { member: 'n61', offset: AT.end + 61 * 512 },
    message: 'the archive has a member whose name follows 64 others: "n61"',
    also: ['file-unreferenced', 'digest-missing'],
  },
  {
    rule: 'member-too-large',
    bytes: () =>
      diskHeader((header) => {
        header.fill(0, 124, 136);
        header.writeUInt8(0x80, 124);
        header.writeBigUInt64BE(2n ** 33n, 128);
      }),
    place: { member: DISK, offset: AT.disk },
    message: `the archive has a member of 8 GiB or more, which ustar has no number for: "${DISK}"`,
    also: ['tar-cut-off', 'digest-of-nothing', 'file-missing'],
  },
  {
    rule: 'member-attributes',
    bytes: () => diskHeader((header) => header.write('root', 265, 'latin1')),
    place: { member: DISK, offset: AT.disk },
    message: `"${DISK}" has mode 644 and owner "root", group "0"`,
  },
  {
    rule: 'descriptor-missing',
    bytes: () => all(mf, disk),
    place: {},
    message: 'the archive has no descriptor (.ovf)',
    also: ['manifest-name', 'digest-of-nothing'],
  },
  {
    rule: 'descriptors-several',
    bytes: () => putTogether(withDigests([...parts, { name: 'b.ovf', bytes: part(OVF) }])),
    place: { member: 'b.ovf', offset: AT.end },
    message: 'the archive has 2 descriptors (.ovf)',
  },
  {
    rule: 'descriptor-not-first',
    bytes: () => all(disk, mf, ovf),
    place: { member: DISK, offset: 0 },
    message: `the archive begins with "${DISK}" instead of its descriptor (.ovf)`,
  },
  {
    rule: 'manifest-misplaced',
    bytes: () =>
      putTogether(
        withDigests([
          ...parts.slice(0, 1),
          ...parts.slice(2),
          ...parts.slice(1, 2),
          { name: 'readme.txt', bytes: Buffer.from('hello') },
        ]),
      ),
    place: { member: MF, offset: 4608 + 512 + 71680 },
    message: 'the archive has its manifest (.mf) between other files',
    also: ['file-unreferenced'],
  },
  {
    rule: 'files-order',
    bytes: () => {
      const notes = { name: 'notes.txt', bytes: Buffer.from('hello') };
      const file = `<File ovf:href="notes.txt" ovf:id="file2"/>`;
      const descriptor = part(OVF).toString().replace('</References>', `${file}</References>`);
      const [, manifest, vmdk] = parts;
      if (!manifest || !vmdk) throw new Error('a part is missing');
      return putTogether(
        withDigests([{ name: OVF, bytes: Buffer.from(descriptor) }, manifest, notes, vmdk]),
      );
    },
    place: { member: 'notes.txt', offset: AT.disk },
    message: '"notes.txt" comes too early: the descriptor names other files before it',
  },
  {
    rule: 'file-unreferenced',
    bytes: () =>
      putTogether(withDigests([...parts, { name: 'readme.txt', bytes: Buffer.from('hello') }])),
    place: { member: 'readme.txt', offset: AT.end + 512 },
    message: 'the package holds "readme.txt", of which the descriptor says nothing',
  },
];
