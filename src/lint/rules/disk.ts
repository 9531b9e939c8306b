/** L4xx: the virtual disk (VMDK), within a package or by itself. */
import { quoted } from '../../appliance/broken.ts';
import type { OpenVmdk } from '../../appliance/vmdk/stream.ts';
import { issue, type Rule, tried, vmdk50 } from '../rule.ts';

const STREAM = 'Stream-Optimized Compressed';
const EXPORT_AGAIN = "Export the disk again, with pvmc or with VMware's or VirtualBox's tools.";
const HASHED_OTHERWISE =
  'VMware: "SHA digest of file … does not match manifest", now and then; VirtualBox: VERR_EOF';

export const DISK_RULES = {
  'vmdk-foreign': {
    number: 'L401',
    severity: 'error',
    title: 'the disk is no sparse VMDK',
    reason:
      'An OVA holds VMDK; VHD, VDI, qcow2 and raw disks are for other ways of import. A VMDK that is only text has its data in other files.',
    breaks: 'VirtualBox 7.2 (VHD and qcow2), VMware',
    sources: [vmdk50('Layout Basics'), tried('VirtualBox 7.2')],
    cure: 'Convert the disk: `qemu-img convert -O vmdk -o subformat=streamOptimized`, then `pvmc lint --fix`.',
    repair: 'no',
  },
  'vmdk-not-streamed': {
    number: 'L402',
    severity: 'error',
    title: 'the disk is not streamOptimized',
    reason:
      'A package is streamed to the host that imports it. Other VMDKs have to be written to at random.',
    breaks: 'ESXi; crashes were seen when such a disk was used as it is',
    sources: [vmdk50(STREAM), issue('openwrt/openwrt#2477')],
    cure: EXPORT_AGAIN,
    repair: 'yes',
  },
  'vmdk-sparse': {
    number: 'L403',
    severity: 'warning',
    title: 'the VMDK is one for Workstation, not one to ship',
    reason:
      'monolithicSparse is what a machine writes to: larger, and only for programs that run on a desktop.',
    breaks: 'ESXi, and importers that stream',
    sources: [vmdk50(STREAM), issue('openwrt/openwrt#2477')],
    cure: EXPORT_AGAIN,
    repair: 'yes',
  },
  'vmdk-line-ends': {
    number: 'L404',
    severity: 'error',
    title: 'the disk was transferred as text',
    reason: 'Four bytes of the header are line ends, to show whether somebody has converted them.',
    breaks: 'everything: bytes are missing all over the disk',
    sources: [vmdk50('Hosted Sparse Extents')],
    cure: 'Transfer it again, in binary mode.',
    repair: 'prevents',
  },
  'vmdk-version': {
    number: 'L405',
    severity: 'error',
    title: 'the version of the disk is unknown',
    reason: 'There are versions 1 to 3.',
    breaks: 'every importer',
    sources: [vmdk50('Hosted Sparse Extents')],
    cure: EXPORT_AGAIN,
    repair: 'prevents',
  },
  'vmdk-version-old': {
    number: 'L406',
    severity: 'error',
    title: 'the streamOptimized disk is not of version 3',
    reason: 'Compressed grains came with version 3; qemu-img before 2.5.1 wrote 1.',
    breaks: 'ESXi: "Not a supported disk format (sparse VMDK version too old)"',
    sources: [issue('glennmatthews/cot#65'), issue('mininet/mininet#483')],
    cure: EXPORT_AGAIN,
    repair: 'yes',
    *check({ header, file }) {
      if (!header.isStreamed || header.version >= 3) return;
      const message = `its version is ${header.version}`;
      yield { message, place: { member: file.name, sector: 0 } };
    },
  },
  'vmdk-grains': {
    number: 'L407',
    severity: 'error',
    title: 'the grains or the tables have an unusual size',
    reason:
      'Grains of 64 KiB and tables of 512 entries are what importers know, and a grain is on the disk.',
    breaks: 'VMware; readers that trust the numbers run out of memory',
    sources: [vmdk50('Hosted Sparse Extents')],
    cure: EXPORT_AGAIN,
    repair: 'prevents',
  },
  'vmdk-layout': {
    number: 'L408',
    severity: 'error',
    title: 'the description does not stand before the grains',
    reason:
      'The header says where the description is, and where the first grain is; these contradict each other.',
    breaks: 'every importer',
    sources: [vmdk50('Hosted Sparse Extents')],
    cure: EXPORT_AGAIN,
    repair: 'prevents',
  },
  'vmdk-create-type': {
    number: 'L409',
    severity: 'error',
    title: 'the description says another type than the disk is',
    reason: 'The header says compressed with markers, which is streamOptimized, and nothing else.',
    breaks: 'importers that read the description first',
    sources: [vmdk50('The Descriptor File')],
    cure: EXPORT_AGAIN,
    repair: 'yes',
  },
  'vmdk-capacity': {
    number: 'L410',
    severity: 'error',
    title: 'the disk has another size than the descriptor says',
    reason:
      'A disk that is made too small loses the end of its partition table, and of its file systems.',
    breaks: 'importers that make the disk before it arrives',
    sources: [vmdk50('Hosted Sparse Extents')],
    cure: 'Write the size of the disk as `ovf:capacity`: `qemu-img info` tells it.',
    repair: 'no',
  },
  'vmdk-footer-missing': {
    number: 'L411',
    severity: 'error',
    title: 'the disk has no footer',
    reason:
      '`qemu-img convert` leaves out the footer and the end-of-stream marker, and puts the tables before the grains. Whoever streams such a file reads beyond its end, or stops before it.',
    breaks: HASHED_OTHERWISE,
    sources: [
      vmdk50(STREAM),
      issue('home-assistant/operating-system#2121'),
      issue('coreos/coreos-assembler#1156'),
      issue('flatcar/scripts#540'),
    ],
    cure: EXPORT_AGAIN,
    repair: 'yes',
  },
  'vmdk-footer-wrong': {
    number: 'L412',
    severity: 'error',
    title: 'the footer contradicts the disk',
    reason: 'The footer repeats the header and says where the directory is.',
    breaks: 'importers that do not stream',
    sources: [vmdk50(STREAM)],
    cure: EXPORT_AGAIN,
    repair: 'prevents',
  },
  'vmdk-end-missing': {
    number: 'L413',
    severity: 'error',
    title: 'the end-of-stream marker is missing',
    reason:
      'It is the last sector. Without it a stream that was cut off behind a grain looks like a whole one.',
    breaks: HASHED_OTHERWISE,
    sources: [vmdk50(STREAM), issue('home-assistant/operating-system#2121')],
    cure: EXPORT_AGAIN,
    repair: 'yes',
  },
  'vmdk-cut-off': {
    number: 'L414',
    severity: 'error',
    title: 'the disk is cut off',
    reason: 'It ends within a grain, a table or a sector.',
    breaks: 'every importer',
    sources: [vmdk50(STREAM)],
    cure: 'Copy or download it again, or export the disk again.',
    repair: 'prevents',
  },
  'vmdk-goes-on': {
    number: 'L415',
    severity: 'warning',
    title: 'the disk goes on behind its end-of-stream marker',
    reason: 'Nobody reads what is there, but it counts for the digest.',
    breaks: 'importers that hash what they stream; `pvmc verify`',
    sources: [vmdk50(STREAM)],
    cure: EXPORT_AGAIN,
    repair: 'yes',
  },
  'vmdk-marker': {
    number: 'L416',
    severity: 'error',
    title: 'there is something else where a marker should be',
    reason:
      'Between the grains stand markers that say what follows and how much; this one says nothing that could be.',
    breaks: 'every importer that streams',
    sources: [vmdk50(STREAM)],
    cure: EXPORT_AGAIN,
    repair: 'prevents',
  },
  'vmdk-order': {
    number: 'L417',
    severity: 'error',
    title: 'the grains are not in the order of the disk',
    reason:
      'A stream is written to the disk from its beginning to its end, each table behind its grains.',
    breaks: 'importers that cannot go back',
    sources: [vmdk50(STREAM)],
    cure: EXPORT_AGAIN,
    repair: 'prevents',
  },
  'vmdk-tables': {
    number: 'L418',
    severity: 'error',
    title: 'a table or the directory does not say where the grains are',
    reason: 'Who streams the disk gets other contents than who follows the tables.',
    breaks: 'every importer, in one way or the other',
    sources: [vmdk50(STREAM)],
    cure: EXPORT_AGAIN,
    repair: 'prevents',
  },
  'vmdk-grain-damaged': {
    number: 'L419',
    severity: 'error',
    title: 'a grain is damaged',
    reason: 'It cannot be inflated to 64 KiB, or the checksum behind it is another.',
    breaks:
      'VirtualBox: "Compressed image is corrupted (VERR_ZIP_CORRUPTED)"; others import a broken disk',
    sources: [vmdk50(STREAM), issue('pwnedlabs/pwncloudos#8')],
    cure: 'Copy or download it again, or export the disk again.',
    repair: 'prevents',
  },
  'vmdk-parent': {
    number: 'L420',
    severity: 'error',
    title: 'the disk is only the changes to another one',
    reason: '`parentCID` is not `ffffffff`: a snapshot, whose other half is not in the package.',
    breaks: 'every importer: what is not stored reads as zeros',
    sources: [vmdk50('The Descriptor File')],
    cure: 'Export the machine instead of copying its snapshot.',
    repair: 'prevents',
    *check({ description, header, file }) {
      const parent = description.get('parentCID') ?? 'ffffffff';
      if (parent.toLowerCase() === 'ffffffff') return;
      const place = { member: file.name, sector: header.descriptorSector };
      yield { message: `its parentCID is ${quoted(parent)}`, place };
    },
  },
  'vmdk-unclean': {
    number: 'L421',
    severity: 'warning',
    title: 'the disk was not closed',
    reason:
      'The header still says that somebody writes to it: a machine, or a converter that was killed.',
    breaks: 'VMware offers to repair it, or refuses',
    sources: [vmdk50('Hosted Sparse Extents')],
    cure: 'Shut the machine down, then copy its disk.',
    repair: 'yes',
    *check({ header, file }) {
      if (!header.isUnclean) return;
      yield { message: 'uncleanShutdown is set', place: { member: file.name, sector: 0 } };
    },
  },
  'vmdk-ide': {
    number: 'L422',
    severity: 'note',
    title: 'the description says IDE',
    reason:
      'It is what qemu-img writes unless told. In a package the descriptor decides; a disk that is attached by hand goes where its own description says.',
    breaks: 'systems without an IDE driver, when the disk is attached by hand',
    sources: [issue('openwrt/openwrt#2477')],
    cure: '`qemu-img convert -o adapter_type=lsilogic`. `--fix` says so too where it writes the disk anew for another reason.',
    repair: 'no',
    *check({ description, header, file }) {
      if (description.get('ddb.adapterType') !== 'ide') return;
      const place = { member: file.name, sector: header.descriptorSector };
      yield { message: 'ddb.adapterType is "ide"', place };
    },
  },
} as const satisfies Readonly<Record<string, Rule<OpenVmdk>>>;
