/**
 * Makes the initramfs, once, when everything that goes into it is there. It holds the drivers that a
 * root on a local disk can need, on any hypervisor and on metal. Debian's default would add some
 * thousand network drivers and their like, which makes it three times as large and, in emulation, takes
 * minutes to make. The settings stay in the appliance: a kernel that its user installs gets the same.
 */
import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PvmcError } from '../../system/error.ts';
import type { Context, Step } from '../step.ts';

/**
 * Modules by name, or by their folder in the kernel's tree after a `=`; dracut-install adds what they
 * depend on. A name that a kernel does not have is passed over.
 */
const DRIVERS: Readonly<Record<string, string>> = {
  'The root file system': 'ext4',
  'SATA and IDE: VirtualBox, VMware, Hyper-V generation 1, metal': '=drivers/ata',
  'SCSI as VMware and VirtualBox have it': '=drivers/message/fusion BusLogic vmw_pvscsi',
  'KVM and Xen': '=drivers/virtio virtio_blk virtio_scsi xen-blkfront sym53c8xx',
  'Hyper-V': 'hv_vmbus hv_storvsc hid-hyperv hyperv_keyboard',
  'NVMe, behind Intel’s VMD too': '=drivers/nvme vmd',
  'SAS and RAID controllers of servers':
    'aacraid aic79xx arcmsr hpsa isci megaraid_sas mpi3mr mpt3sas mvsas pm80xx smartpqi 3w-sas 3w-9xxx',
  'Disks, sticks and cards': 'sd_mod sr_mod =drivers/usb/storage mmc_block sdhci-pci sdhci-acpi',
  'USB hosts and keyboards, for the emergency shell':
    'xhci-pci ehci-pci ohci-pci uhci-hcd usbhid hid-generic atkbd i8042',
};

const HOOK_PATH = 'etc/initramfs-tools/hooks/appliance-drivers';

/** Path in the appliance → text. */
export const INITRAMFS_FILES: Readonly<Record<string, string>> = {
  'etc/initramfs-tools/conf.d/appliance': [
    `# The drivers are listed in /${HOOK_PATH}.`,
    'MODULES=list',
    '# Most of what is packed is compressed already.',
    'COMPRESS=zstd',
    'COMPRESSLEVEL=1',
    // Its type cannot be looked up before the root exists; without it no fsck goes in.
    'FSTYPE=ext4',
    '',
  ].join('\n'),
  [HOOK_PATH]: [
    '#!/bin/sh',
    '# The drivers that a root on a local disk can need, on any hypervisor and on metal.',
    'if [ "$1" = prereqs ]; then',
    '  echo udev',
    '  exit',
    'fi',
    '. /usr/share/initramfs-tools/hook-functions',
    ...Object.entries(DRIVERS).flatMap(([what, modules]) => [
      `# ${what}`,
      `manual_add_modules ${modules}`,
    ]),
    '# Names of devices, which nothing reads before the root is there.',
    'rm -f "$DESTDIR/usr/lib/udev/hwdb.bin"',
    '',
  ].join('\n'),
};

export const kernel: Step = {
  name: 'kernel',
  title: 'Make the initramfs',
  plan: () => [
    'update-initramfs -c, with the storage drivers of VirtualBox, VMware, Hyper-V, KVM and metal',
  ],
  async run(context) {
    const versions = await kernelVersions(context);
    await writeSettings(context);
    for (const version of versions) {
      // Of an earlier attempt: what is there is not made anew.
      await rm(join(context.workspace.root, `boot/initrd.img-${version}`), { force: true });
      await context.runInRoot(['update-initramfs', '-c', '-k', version]);
    }
  },
};

async function writeSettings(context: Context): Promise<void> {
  for (const [path, text] of Object.entries(INITRAMFS_FILES)) {
    const target = join(context.workspace.root, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text);
  }
  await chmod(join(context.workspace.root, HOOK_PATH), 0o755);
}

/** The versions of the installed kernels, the newest last. */
export async function kernelVersions(context: Context): Promise<readonly [string, ...string[]]> {
  const prefix = 'vmlinuz-';
  const names = (await readdir(join(context.workspace.root, 'boot'))).filter((name) =>
    name.startsWith(prefix),
  );
  const [first, ...rest] = names.map((name) => name.slice(prefix.length)).sort(byVersion);
  if (first === undefined) {
    throw new PvmcError({
      kind: 'construct',
      code: 'no-kernel',
      message: 'the packages brought no kernel: /boot holds no vmlinuz',
    });
  }
  return [first, ...rest];
}

function byVersion(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
