/**
 * Partitions the disk: GPT with a BIOS boot partition for GRUB's core, an EFI system partition, and
 * the root pool's partition over all that is left. The same disk boots under both firmwares.
 */
import type { DiskInputs } from '../../manifest/installation-manifest.ts';
import type { InstallContext, Partitions, Programs, Step } from '../step.ts';

export const SECTOR_BYTES = 512;
const SECTORS_PER_MIB = 2048;

/** Room for GRUB's core image: some 30 KiB are used, 1 MiB keeps what follows aligned. */
export const BIOS_BOOT_MIB = 1;
/** The smallest that FAT32 allows is 33 MiB; updates of shim and firmware want some room. */
export const ESP_MIB = 64;

const BIOS_BOOT_START = SECTORS_PER_MIB;
const ESP_START = BIOS_BOOT_START + BIOS_BOOT_MIB * SECTORS_PER_MIB;
const ROOT_START = ESP_START + ESP_MIB * SECTORS_PER_MIB;

/** Partition types of GPT, as the UEFI and the Discoverable Partitions specifications number them. */
const TYPES = {
  biosBoot: '21686148-6449-6E6F-744E-656564454649',
  esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  rootX86: '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709',
};

/**
 * Who the disk is does not belong to what is installed: a disk that is taken up again gets its table
 * written anew.
 */
export interface PartitionContext extends InstallContext {
  readonly manifest: InstallContext['manifest'] & Pick<DiskInputs, 'identifiers'>;
}

export const partition: Step<PartitionContext> = {
  name: 'partition',
  title: 'Partition the disk',
  plan: ({ identifiers }) => [
    'sfdisk: a GPT, the same identifiers for the same packages',
    ...partitionTable(identifiers).trimEnd().split('\n'),
  ],
  async run(context) {
    const { disk } = context.workspace;
    await context.run(['sfdisk', '--no-reread', '--no-tell-kernel', '--quiet', disk], {
      input: partitionTable(context.manifest.identifiers),
    });
    await context.run(['blockdev', '--rereadpt', disk]);
    await context.run(['udevadm', 'settle', '--timeout=30'], { accept: [0, 1, 127] });
    context.workspace.partitions = await readPartitions(context, disk);
  },
};

/** The table in sfdisk's script language. */
export function partitionTable(ids: DiskInputs['identifiers']): string {
  return [
    'label: gpt',
    `label-id: ${ids.diskGuid}`,
    `start=${BIOS_BOOT_START}, size=${BIOS_BOOT_MIB * SECTORS_PER_MIB}, type=${TYPES.biosBoot}, uuid=${ids.biosBootGuid}, name="bios"`,
    `start=${ESP_START}, size=${ESP_MIB * SECTORS_PER_MIB}, type=${TYPES.esp}, uuid=${ids.espGuid}, name="esp"`,
    `start=${ROOT_START}, type=${TYPES.rootX86}, uuid=${ids.rootPartitionGuid}, name="root"`,
    '',
  ].join('\n');
}

/** Whether these are where `partition` puts them, whoever the disk then is. */
export function isOurLayout(partitions: Partitions, diskBytes: number): boolean {
  const { biosBootFirstSector, biosBootSectors, rootFirstSector, rootBytes } = partitions;
  const behind = diskBytes - rootFirstSector * SECTOR_BYTES - rootBytes;
  return (
    biosBootFirstSector === BIOS_BOOT_START &&
    biosBootSectors === BIOS_BOOT_MIB * SECTORS_PER_MIB &&
    rootFirstSector === ROOT_START &&
    // The last one takes all that is left but for the copy of the table, to a whole MiB.
    behind >= 0 &&
    behind < 2 * SECTORS_PER_MIB * SECTOR_BYTES
  );
}

interface SfdiskPartition {
  readonly node: string;
  readonly start: number;
  readonly size: number;
}

/** The partitions that the table of a disk, or of a file, describes now. */
export async function readPartitions(programs: Programs, disk: string): Promise<Partitions> {
  const { stdout } = await programs.run(['sfdisk', '--json', disk], { output: 'quiet' });
  const table = JSON.parse(stdout) as {
    readonly partitiontable: { readonly partitions: readonly SfdiskPartition[] };
  };
  const [biosBoot, esp, root] = table.partitiontable.partitions;
  if (!biosBoot || !esp || !root) throw new Error(`sfdisk reads other partitions back: ${stdout}`);
  return {
    biosBoot: biosBoot.node,
    esp: esp.node,
    root: root.node,
    biosBootFirstSector: biosBoot.start,
    biosBootSectors: biosBoot.size,
    rootFirstSector: root.start,
    rootBytes: root.size * SECTOR_BYTES,
  };
}
