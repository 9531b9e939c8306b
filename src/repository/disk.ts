/** Whether the machine's disk is large enough to construct the appliance on it. */
import type { Payload } from '../manifest/payload.ts';
import type { Finding } from '../manifest/read.ts';
import { formatSize } from '../system/size.ts';

export interface DiskNeeds {
  /** Of the packages, unpacked. */
  readonly installedBytes: number;
  /** Of the packages' files as they are fetched. */
  readonly downloadBytes: number;
  /** Of the manifest's own files. */
  readonly filesBytes: number;
}

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** The GPT, GRUB's BIOS boot partition and the EFI system partition. */
const PARTITIONS_BYTES = 66 * MIB;

/**
 * The initramfs, generated files, what the file systems need themselves, and some free room, beside
 * the packages' own files.
 */
const ROOM = 1.2;

/**
 * How large the disk must be, roughly, for the construction to have room: the system is put together
 * beside its package files in the second half of the root partition, and written into the first half.
 */
export function requiredDiskBytes(needs: DiskNeeds): number {
  const system = needs.installedBytes + needs.filesBytes;
  const half = ROOM * system + needs.downloadBytes;
  return Math.ceil(PARTITIONS_BYTES + 2 * half);
}

/** The needs of resolved packages and of what the manifest adds to them. */
export function spaceOf(
  packages: { readonly installedBytes: number; readonly downloadBytes: number },
  payload: Payload,
): DiskNeeds {
  const sizes = payload.files.map(({ content }) =>
    content.kind === 'inline' ? Buffer.byteLength(content.text) : content.sizeBytes,
  );
  return { ...packages, filesBytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** Complains about a disk that is too small. */
export function diskProblems(diskBytes: number, needs: DiskNeeds): Finding[] {
  const required = requiredDiskBytes(needs);
  if (diskBytes >= required) return [];
  const system = formatSize(needs.installedBytes + needs.filesBytes);
  return [
    {
      path: ['machine', 'disk'],
      message:
        `${formatSize(diskBytes)} is too small: packages and files take ${system}, ` +
        `and their installation needs a disk of ${formatSize(required)}`,
      hint: `write ${Math.ceil(required / GIB)} GiB or more; only what is used takes room in the export`,
    },
  ];
}
