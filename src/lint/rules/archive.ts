/** L1xx: the archive that an OVA is, and the order of its members. */

import { quoted } from '../../appliance/broken.ts';
import type { OvaMember } from '../../appliance/ova/members.ts';
import { dsp0243, issue, type Rule, tried } from '../rule.ts';

export interface ArchiveSubject {
  readonly members: readonly OvaMember[];
  /** The files that the descriptor names, in its order; empty when it cannot be read. */
  readonly references: readonly string[];
}

const COPY_AGAIN = 'Copy or download it again.';
const WITHOUT_VIRTUALBOX = 'VirtualBox 7.2 refuses the file';

export const ARCHIVE_RULES = {
  'not-a-tar': {
    number: 'L101',
    severity: 'error',
    title: 'the file is no tar archive',
    reason: 'An OVA is a tar archive and nothing around it; it is not compressed as a whole.',
    breaks: 'every importer',
    sources: [dsp0243('5.3')],
    cure: 'Look at what it is with `file`. Decompress it, or export it again as OVA.',
    repair: 'prevents',
  },
  'tar-cut-off': {
    number: 'L102',
    severity: 'error',
    title: 'the archive is cut off',
    reason: 'A member says that it goes on where the file has ended.',
    breaks: 'every importer; those that stream notice only after they have read all of it',
    sources: [dsp0243('5.3')],
    cure: COPY_AGAIN,
    repair: 'prevents',
  },
  'tar-damaged': {
    number: 'L103',
    severity: 'error',
    title: 'a header of the archive is damaged',
    reason:
      'The checksum of a header is wrong, or its size is no number: where the next member begins is not known.',
    breaks: 'every importer',
    sources: [dsp0243('5.3'), issue('vmware/govmomi#562')],
    cure: COPY_AGAIN,
    repair: 'prevents',
  },
  'end-missing': {
    number: 'L104',
    severity: 'warning',
    title: 'the two empty blocks at the end are missing',
    reason:
      'A tar archive ends with two blocks of 512 zeros. Without them nobody can tell a whole one from one that was cut off behind a member.',
    breaks: '`pvmc verify` refuses; GNU tar warns of one block without the other',
    sources: [{ text: 'POSIX.1-1988, ustar' }],
    cure: 'Write the archive anew, with any tar.',
    repair: 'yes',
  },
  'end-not-empty': {
    number: 'L105',
    severity: 'warning',
    title: 'something follows the end of the archive',
    reason:
      'Behind the two empty blocks is more than zeros, or more than a mebibyte of them. Some readers hash and upload it, others never see it.',
    breaks: '`pvmc verify` refuses',
    sources: [{ text: 'POSIX.1-1988, ustar' }],
    cure: 'Find out what it is: a second archive, perhaps. Write the archive anew.',
    repair: 'yes',
  },
  'pax-header': {
    number: 'L106',
    severity: 'error',
    title: 'there are pax headers',
    reason:
      "Python's tarfile and bsdtar write headers of POSIX.1-2001 for long names, large files and exact times. OVA is the older ustar.",
    breaks: `${WITHOUT_VIRTUALBOX}; oVirt could not import its own exports`,
    sources: [dsp0243('5.3'), issue('oVirt/ovirt-engine#374'), tried('VirtualBox 7.2')],
    cure: '`tar --format=ustar`, or `format=tarfile.USTAR_FORMAT`, with short names and whole seconds.',
    repair: 'yes',
  },
  'gnu-extension': {
    number: 'L107',
    severity: 'error',
    title: "there are GNU tar's extensions",
    reason: 'Long names and sparse files have headers that only GNU tar knows.',
    breaks: 'importers that know ustar alone',
    sources: [dsp0243('5.3')],
    cure: '`tar --format=ustar`, with short names.',
    repair: 'yes',
  },
  'not-ustar': {
    number: 'L108',
    severity: 'error',
    title: 'the archive is not ustar',
    reason: "The magic is that of GNU tar, which is GNU tar's default, or there is none.",
    breaks: 'VMware Workstation, Fusion and vSphere have refused such OVAs',
    sources: [
      dsp0243('5.3'),
      issue('coreos/coreos-assembler#1136'),
      issue('kubernetes-sigs/image-builder#509'),
    ],
    cure: '`tar --format=ustar`.',
    repair: 'yes',
  },
  'folder-entry': {
    number: 'L109',
    severity: 'error',
    title: 'there is an entry for a folder',
    reason: 'An OVA has files only, side by side.',
    breaks: 'importers that take the first entry for the descriptor',
    sources: [dsp0243('5.3')],
    cure: 'Name the files to tar, not their folder.',
    repair: 'yes',
  },
  'entry-not-a-file': {
    number: 'L110',
    severity: 'error',
    title: 'there is a link, a device or a pipe',
    reason: 'An OVA has files only. A link leads out of the archive wherever its maker wanted.',
    breaks: 'whoever unpacks it before looking',
    sources: [dsp0243('5.3')],
    cure: 'Put the file itself into the archive (`tar --dereference`). Mistrust one that came from elsewhere.',
    repair: 'prevents',
  },
  'member-in-folder': {
    number: 'L111',
    severity: 'error',
    title: 'the name of a member leads into a folder',
    reason:
      'Importers look for the plain name that the descriptor says; `./` before it is another name.',
    breaks: WITHOUT_VIRTUALBOX,
    sources: [dsp0243('5.3'), tried('VirtualBox 7.2')],
    cure: 'Change into the folder first (`tar -C FOLDER`), and name the files without `./`.',
    repair: 'yes',
  },
  'member-name-strange': {
    number: 'L112',
    severity: 'error',
    title: 'the name of a member is empty, hidden or no text',
    reason:
      'Control characters and marks of direction make a name look like another; no exporter writes them.',
    breaks: 'terminals, file managers and people',
    sources: [dsp0243('OVF package')],
    cure: 'Rename the file, also in the descriptor. Mistrust one that came from elsewhere.',
    repair: 'prevents',
  },
  'member-twice': {
    number: 'L113',
    severity: 'error',
    title: 'two members have the same name',
    reason: 'Some readers take the first, some the last: what was checked is not what is imported.',
    breaks: 'importers that differ from the one that was tried',
    sources: [dsp0243('5.3')],
    cure: 'Write the archive anew instead of appending to it.',
    repair: 'prevents',
  },
  'members-too-many': {
    number: 'L114',
    severity: 'error',
    title: 'there are more than 64 members',
    reason:
      'An appliance has three files, or a few more with several disks. What comes behind the 64th is not looked at.',
    breaks: '`pvmc verify` refuses',
    sources: [{ text: 'a limit of pvmc' }],
    cure: 'Leave out what the descriptor does not name.',
    repair: 'prevents',
  },
  'member-attributes': {
    number: 'L115',
    severity: 'note',
    title: 'mode or owner tell of who built it',
    reason:
      'Importers do not care, but names of users end up with everybody, and the same appliance differs from one computer to the next.',
    breaks: 'reproducible builds',
    sources: [{ text: 'pvmc: mode 0644, owner 0' }],
    cure: '`tar --mode=0644 --owner=0 --group=0 --numeric-owner`.',
    repair: 'yes',
    *check({ members }) {
      for (const { name, header, headerOffset } of members) {
        const { mode, owners } = header;
        const [uid, gid, user, group] = owners;
        const isPlain = mode === 0o644 && uid === 0 && gid === 0 && user === '' && group === '';
        if (isPlain) continue;
        const who = `${quoted(user || String(uid))}, group ${quoted(group || String(gid))}`;
        const message = `${quoted(name)} has mode ${(mode ?? 0).toString(8)} and owner ${who}`;
        yield { message, place: { member: name, offset: headerOffset } };
      }
    },
  },
  'member-too-large': {
    number: 'L116',
    severity: 'error',
    title: 'a member has 8 GiB or more',
    reason:
      'A header of ustar has eleven octal digits for the size. GNU tar and pax write larger ones in ways of their own.',
    breaks: 'importers that know ustar alone',
    sources: [dsp0243('5.3'), issue('coreos/coreos-assembler#3787')],
    cure: 'Ship the OVF and its files instead of an OVA, or make the disk smaller.',
    repair: 'prevents',
  },
  'descriptor-missing': {
    number: 'L120',
    severity: 'error',
    title: 'there is no descriptor',
    reason: 'The `.ovf` says what the machine is; without it nothing can be imported.',
    breaks: 'every importer',
    sources: [dsp0243('OVF package')],
    cure: 'Add the `.ovf`, as the first member.',
    repair: 'prevents',
  },
  'descriptors-several': {
    number: 'L121',
    severity: 'error',
    title: 'there are several descriptors',
    reason: 'A package has exactly one `.ovf`.',
    breaks: 'importers take whichever they meet first',
    sources: [dsp0243('OVF package')],
    cure: 'Make an OVA of each.',
    repair: 'prevents',
  },
  'descriptor-not-first': {
    number: 'L122',
    severity: 'error',
    title: 'the descriptor is not the first member',
    reason: 'Whoever streams an OVA has to know the machine before the disk arrives.',
    breaks:
      'VMware Workstation and ovftool: "Did not find an .ovf file at the beginning of the OVA package"',
    sources: [
      dsp0243('5.3'),
      issue('osbuild/image-builder#431'),
      issue('coreos/coreos-assembler#1141'),
    ],
    cure: 'Name the files to tar in their order: `.ovf`, `.mf`, disks.',
    repair: 'yes',
  },
  'manifest-misplaced': {
    number: 'L123',
    severity: 'warning',
    title: 'the manifest stands between other files',
    reason: 'Manifest and certificate stand directly behind the descriptor, or both at the end.',
    breaks: 'importers that stream; VirtualBox 7.2 does not care',
    sources: [dsp0243('5.3')],
    cure: 'Put the `.mf` behind the `.ovf`.',
    repair: 'yes',
  },
  'files-order': {
    number: 'L124',
    severity: 'warning',
    title: 'the files are in another order than in the descriptor',
    reason:
      'The remaining files stand in the order of the References, so that one can be streamed after the other.',
    breaks: 'importers that stream',
    sources: [dsp0243('5.3')],
    cure: 'Put them in the order of the References.',
    repair: 'yes',
    *check({ members, references }) {
      const order = members.filter(({ name }) => references.includes(name));
      const wanted = references.filter((name) => order.some((one) => one.name === name));
      const wrong = order.find(({ name }, index) => name !== wanted[index]);
      if (!wrong) return;
      const { name, headerOffset } = wrong;
      const message = `${quoted(name)} comes too early: the descriptor names other files before it`;
      yield { message, place: { member: name, offset: headerOffset } };
    },
  },
  'file-unreferenced': {
    number: 'L125',
    severity: 'warning',
    title: 'a file is not named by the descriptor',
    reason: 'Nobody imports it, and everybody downloads it.',
    breaks: '`pvmc verify` refuses',
    sources: [dsp0243('OVF package')],
    cure: 'Leave it out, or add it to the References.',
    repair: 'no',
  },
  'certificate-misplaced': {
    number: 'L126',
    severity: 'warning',
    title: 'the certificate does not follow the manifest',
    reason: 'Whoever streams an OVA wants to know who has signed it before the disk arrives.',
    breaks: 'importers that stream; VirtualBox 7.2 does not care',
    sources: [dsp0243('5.3'), tried('VirtualBox 7.2')],
    cure: 'Put the `.cert` directly behind the `.mf`.',
    repair: 'yes',
    *check({ members }) {
      for (const [index, { name, headerOffset }] of members.entries()) {
        const manifest = name.replace(/\.cert$/, '.mf');
        const isMisplaced = name !== manifest && members[index - 1]?.name !== manifest;
        if (!isMisplaced || !members.some((one) => one.name === manifest)) continue;
        const message = `${quoted(name)} does not stand directly behind ${quoted(manifest)}`;
        yield { message, place: { member: name, offset: headerOffset } };
      }
    },
  },
} as const satisfies Readonly<Record<string, Rule<ArchiveSubject>>>;
