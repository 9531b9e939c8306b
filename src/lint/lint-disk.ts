/** Looks at a virtual disk: from front to back if it is a stream, else along its directory. */
import { Fault, quoted, reporting } from '../appliance/broken.ts';
import { type PackageFile, readExactly } from '../appliance/ova/members.ts';
import { GRAIN_SECTORS, SECTOR_BYTES } from '../appliance/vmdk/format.ts';
import { GrainUnpacker } from '../appliance/vmdk/grain-unpacker.ts';
import { unfinished } from '../appliance/vmdk/sector-reader.ts';
import { isStream, type OpenVmdk, openVmdk, streamedGrains } from '../appliance/vmdk/stream.ts';
import { readPackedGrain, storedGrains } from '../appliance/vmdk/table-walk.ts';
import type { Progress } from '../system/progress.ts';
import type { Findings } from './findings.ts';
import { DISK_RULES } from './rules/disk.ts';
import { check } from './run-rules.ts';

interface LintedDisk {
  readonly file: PackageFile;
  /** What the descriptor of the package says; undefined without one. */
  readonly capacityBytes: number | undefined;
  /** Not in a package: nobody has promised that it is one to ship. */
  readonly isAlone: boolean;
}

export async function lintDisk(
  { file, capacityBytes, isAlone }: LintedDisk,
  findings: Findings,
  progress: Progress,
): Promise<void> {
  const foreign = await formatOf(file);
  if (foreign !== undefined) {
    const place = { member: file.name, sector: 0 };
    findings.add('vmdk-foreign', { message: `${quoted(file.name)} is ${foreign}`, place });
    return;
  }
  const report = (fault: Fault) => {
    const isOrdinary = isAlone && fault.fault === 'vmdk-not-streamed';
    findings.addFault(fault, isOrdinary ? 'vmdk-sparse' : fault.fault);
  };
  await reporting(report, async () => {
    const vmdk = await openVmdk(file, capacityBytes, report);
    check(DISK_RULES, vmdk, findings);
    await readGrains(vmdk, progress);
  });
}

/** Reads every grain, and has each inflated that is compressed. */
async function readGrains(vmdk: OpenVmdk, progress: Progress): Promise<void> {
  const { header, file, report } = vmdk;
  const { capacitySectors } = header;
  const unpacker = new GrainUnpacker({ file: undefined, capacitySectors, name: file.name, report });
  try {
    if (isStream(vmdk)) {
      for await (const grain of streamedGrains(vmdk, progress)) await unpacker.add(grain);
      return;
    }
    for await (const stored of storedGrains(vmdk, progress)) {
      if (header.isStreamed) {
        const grain = await readPackedGrain(vmdk, stored);
        if (grain) await unpacker.add(grain);
      } else if ((stored.sector + GRAIN_SECTORS) * SECTOR_BYTES > file.sizeBytes) {
        const place = { member: file.name, sector: stored.sector };
        report(
          unfinished('vmdk-cut-off', place, `the grain at sector ${stored.sector} is cut off`),
        );
      }
    }
  } finally {
    await unpacker.settle();
  }
  await unpacker.finish();
}

/** What a disk is that is no sparse VMDK, by how it begins; undefined for one, and for what nobody knows. */
async function formatOf(file: PackageFile): Promise<string | undefined> {
  const length = Math.min(file.sizeBytes, SECTOR_BYTES);
  const begin = (await readExactly(file.file, file.offset, length)).toString('latin1');
  return FORMATS.find(({ magic }) => begin.startsWith(magic))?.words;
}

const FORMATS = [
  { magic: 'QFI\u00fb', words: 'a qcow2' },
  { magic: 'conectix', words: 'a VHD' },
  { magic: 'vhdxfile', words: 'a VHDX' },
  { magic: '<<< ', words: 'a VDI' },
  {
    magic: '# Disk DescriptorFile',
    words: 'the description of a VMDK, whose data are in other files',
  },
  { magic: 'COWD', words: 'a VMDK as ESXi keeps it' },
  { magic: '\u001f\u008b', words: 'compressed as a whole, by gzip' },
] as const;
