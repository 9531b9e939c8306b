/**
 * GRUB, in two steps. `grub` puts its modules and configuration into the tree and makes the two
 * images with the appliance's own GRUB. `firmware` writes them where BIOS and UEFI look, after the
 * root file system: no installation program asks the machine at hand what it is, so the result is the
 * same everywhere and no NVRAM entry is needed.
 */
import { copyFile, mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PvmcError } from '../../system/error.ts';
import type { Context, Step } from '../step.ts';
import { KERNEL_CONSOLES } from './configure.ts';
import { kernelVersions } from './kernel.ts';

const SECTOR_BYTES = 512;

/** What each image must have built in to find and read its configuration; the rest is loaded from the root. */
const BUILT_IN = [
  'part_gpt',
  'ext2',
  'fat',
  'search',
  'search_fs_uuid',
  'normal',
  'configfile',
  'echo',
  'ls',
  'cat',
];
const BIOS_BUILT_IN = ['biosdisk', ...BUILT_IN];

export const grub: Step = {
  name: 'grub',
  title: 'Prepare the boot loader',
  plan: () => ['grub-mkimage for i386-pc and x86_64-efi, grub.cfg, GRUB’s modules'],
  async run(context) {
    const { root } = context.workspace;
    const folder = join(root, 'boot/grub');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'grub.cfg'), await configuration(context));
    for (const platform of ['i386-pc', 'x86_64-efi']) {
      await copyModules(join(root, 'usr/lib/grub', platform), join(folder, platform));
    }
    await writeFile(join(root, EARLY_CONFIGURATION), earlyConfiguration(context));
    await makeImage(context, { format: 'i386-pc', modules: BIOS_BUILT_IN, output: 'core.img' });
    await makeImage(context, { format: 'x86_64-efi', modules: BUILT_IN, output: 'bootx64.efi' });
    // The scratch file system is gone when they are written: they wait in memory.
    await mkdir(IMAGES, { recursive: true });
    for (const image of ['core.img', 'bootx64.efi']) {
      await copyFile(join(root, 'run', image), join(IMAGES, image));
    }
    await copyFile(join(root, 'usr/lib/grub/i386-pc/boot.img'), join(IMAGES, 'boot.img'));
  },
};

export const firmware: Step = {
  name: 'firmware',
  title: 'Make it boot under BIOS and UEFI',
  plan: () => [
    'UEFI: mkfs.fat and mcopy, EFI/BOOT/BOOTX64.EFI on the EFI system partition; no NVRAM entry',
    'BIOS: boot.img in the first sector, core.img in the BIOS boot partition',
  ],
  async run(context) {
    await writeEsp(context, IMAGES);
    await writeBiosBoot(context, IMAGES);
    await context.run(['sync']);
  },
};

const IMAGES = '/run/pvmc/images';
const EARLY_CONFIGURATION = 'run/early-grub.cfg';

function earlyConfiguration(context: Context): string {
  const { rootUuid } = context.manifest.identifiers;
  return `search.fs_uuid ${rootUuid} root\nset prefix=($root)/boot/grub\n`;
}

/** The first menu; `update-grub` writes Debian's own when a new kernel is installed. */
async function configuration(context: Context): Promise<string> {
  const version = (await kernelVersions(context)).at(-1);
  const { rootUuid } = context.manifest.identifiers;
  const entry = (title: string, options: string) => [
    `menuentry '${title}' {`,
    `  linux /boot/vmlinuz-${version} root=UUID=${rootUuid} ro ${options}`,
    `  initrd /boot/initrd.img-${version}`,
    '}',
  ];
  return [
    // Whoever keeps a log of the serial line sees there, too, why a boot ended early.
    'if serial --unit=0 --speed=115200; then terminal_output console serial; fi',
    'set default=0',
    'set timeout_style=menu',
    'set timeout=1',
    ...entry('Debian GNU/Linux', `${KERNEL_CONSOLES} quiet`),
    ...entry('Debian GNU/Linux (recovery mode)', `${KERNEL_CONSOLES} single`),
    '',
  ].join('\n');
}

async function copyModules(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    if (/\.(mod|lst)$/.test(name)) await copyFile(join(from, name), join(to, name));
  }
}

async function makeImage(
  context: Context,
  image: { readonly format: string; readonly modules: readonly string[]; readonly output: string },
): Promise<void> {
  await context.runInRoot([
    'grub-mkimage',
    `--format=${image.format}`,
    `--config=/${EARLY_CONFIGURATION}`,
    '--prefix=/boot/grub',
    `--output=/run/${image.output}`,
    ...image.modules,
  ]);
}

/** The removable-media path: every UEFI boots it without having been told about it. */
export async function writeEsp(context: Context, images: string): Promise<void> {
  const { partitions } = context.workspace;
  const { espSerial } = context.manifest.identifiers;
  // mkfs.fat dates the label by the clock, whatever SOURCE_DATE_EPOCH says, unless it is invariant.
  const format = ['mkfs.fat', '--invariant', '-F', '32', '-n', 'ESP', '-i', espSerial];
  await context.run([...format, partitions.esp]);
  // mtools would complain of a geometry that no longer means anything.
  const options = { env: { MTOOLS_SKIP_CHECK: '1' } };
  await context.run(['mmd', `-i${partitions.esp}`, '::/EFI', '::/EFI/BOOT'], options);
  const program = join(images, 'bootx64.efi');
  await context.run(['mcopy', `-i${partitions.esp}`, program, '::/EFI/BOOT/BOOTX64.EFI'], options);
}

/**
 * Writes GRUB's first sector into the MBR's code area and its core image into the BIOS boot
 * partition. Where the first finds the second, and the second the rest of itself, is patched in, as
 * GRUB's own set-up program does: offsets from GRUB's include/grub/i386/pc/boot.h and diskboot.h.
 */
export async function writeBiosBoot(context: Context, images: string): Promise<void> {
  const { disk, partitions } = context.workspace;
  const boot = await readFile(join(images, 'boot.img'));
  const core = await readFile(join(images, 'core.img'));
  const sectors = patchBiosImages({ boot, core, firstSector: partitions.biosBootFirstSector });
  if (sectors > partitions.biosBootSectors) throw tooLarge(core.length);
  const device = await open(disk, 'r+');
  try {
    await device.write(boot, 0, MBR_CODE_BYTES, 0);
    await device.write(core, 0, core.length, partitions.biosBootFirstSector * SECTOR_BYTES);
    await device.sync();
  } finally {
    await device.close();
  }
}

/** The MBR's code; behind it lie the disk signature and the protective partition table. */
const MBR_CODE_BYTES = 440;
const KERNEL_SECTOR_OFFSET = 0x5c;
const DRIVE_CHECK_OFFSET = 0x66;
const TWO_NOPS = 0x9090;
/** diskboot.img's list of the blocks that follow it: start (8 bytes), count (2), load segment (2). */
const BLOCK_LIST_OFFSET = 0x1f4;

/** Patches both images in place; returns the sectors that the core image takes. */
export function patchBiosImages(images: {
  readonly boot: Buffer;
  readonly core: Buffer;
  readonly firstSector: number;
}): number {
  const { boot, core, firstSector } = images;
  const sectors = Math.ceil(core.length / SECTOR_BYTES);
  boot.writeBigUInt64LE(BigInt(firstSector), KERNEL_SECTOR_OFFSET);
  // A hard disk is booted from the drive that the BIOS names, without the check for broken ones.
  boot.writeUInt16LE(TWO_NOPS, DRIVE_CHECK_OFFSET);
  core.writeBigUInt64LE(BigInt(firstSector + 1), BLOCK_LIST_OFFSET);
  core.writeUInt16LE(sectors - 1, BLOCK_LIST_OFFSET + 8);
  return sectors;
}

function tooLarge(bytes: number): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'boot-loader-too-large',
    message: `GRUB’s core image has ${bytes} bytes and does not fit into the BIOS boot partition`,
  });
}
