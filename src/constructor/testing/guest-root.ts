/**
 * The guest's program, run for real by perl over a root folder of a test's. Discs and seed disks are real
 * images that the real blkid looks at; only what needs root (mount, chpasswd) is stood in for, by programs
 * on PATH.
 */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import type { GuestProperty } from '../../manifest/installation-manifest.ts';
import { run } from '../../system/run.ts';
import { PROGRAM_PATH, personaliseFiles } from '../personalise/files.ts';

/** Files of a medium: name → text or bytes. */
export type Medium = Readonly<Record<string, string | Uint8Array>>;

export interface GuestRoot {
  readonly root: string;
  /** Puts in a CD-ROM with these files. */
  disc(device: string, files: Medium, label?: string): Promise<void>;
  /** Attaches a FAT disk with these files. */
  fat(device: string, files: Medium, label?: string): Promise<void>;
  /** What VMware would answer, by name. */
  guestinfo(values: Readonly<Record<string, string>>): Promise<void>;
  boot(): Promise<Boot>;
  read(path: string): Promise<string | undefined>;
  write(path: string, text: string, mode?: number): Promise<void>;
}

export interface Boot {
  readonly status: number;
  readonly journal: readonly string[];
}

const STAND_INS: Readonly<Record<string, string>> = {
  udevadm: 'exit 0',
  // mount -t TYPE -o OPTIONS DEVICE PLACE
  mount: `case $4 in *ro,nosuid,nodev,noexec*) ;; *) exit 1 ;; esac
case $2 in
iso9660) exec xorriso -osirrox on -indev "$5" -extract / "$6" ;;
vfat) exec mcopy -s -n -i "$5" '::*' "$6" ;;
esac
exit 32`,
  umount: 'chmod -R u+w "$1"; rm -rf "$1"',
  chpasswd: 'cat >"$STAND_IN_FOLDER/chpasswd.input"',
};

/** The root of an appliance with one user, ada, after its construction, as far as the program cares. */
export async function guestRoot(
  folder: string,
  properties: readonly GuestProperty[] | undefined,
): Promise<GuestRoot> {
  const root = join(folder, 'root');
  const programs = join(folder, 'programs');
  const write = async (path: string, text: string | Uint8Array, mode = 0o644): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    await chmod(join(root, path), mode);
  };
  for (const [path, text] of Object.entries(personaliseFiles(properties))) {
    await write(path, text, 0o755);
  }
  await layOutSystem(root, write);
  await mkdir(programs);
  for (const [name, script] of Object.entries(STAND_INS)) await standIn(programs, name, script);
  const attach = async (device: string, make: (image: string) => Promise<void>) => {
    await mkdir(join(root, 'sys/class/block', device), { recursive: true });
    await make(join(root, 'dev', device));
  };
  return {
    root,
    write,
    read: (path) => readFile(join(root, path), 'utf8').catch(() => undefined),
    disc: (device, files, label = 'CDROM') =>
      attach(device, async (image) => {
        const source = await layOut(join(folder, `${device}.files`), files);
        const argv = ['xorriso', '-as', 'mkisofs', '-quiet', '-J', '-R', '-V', label];
        await run([...argv, '-o', image, source]);
      }),
    fat: (device, files, label = 'PVMC-SEED') =>
      attach(device, async (image) => {
        const source = await layOut(join(folder, `${device}.files`), files);
        await run(['mkfs.vfat', '-C', '-n', label, image, '1440']);
        for (const name of Object.keys(files)) {
          await run(['mcopy', '-i', image, join(source, name), `::${name}`]);
        }
      }),
    guestinfo: async (values) => {
      const cases = Object.keys(values).map(
        (name, index) =>
          `'info-get guestinfo.${name}') exec cat '${join(folder, `info-${index}`)}' ;;`,
      );
      for (const [index, text] of Object.values(values).entries()) {
        await writeFile(join(folder, `info-${index}`), text);
      }
      const script = `case $1 in\n${cases.join('\n')}\nesac\necho 'No value found'\nexit 1`;
      await standIn(programs, 'vmware-rpctool', script);
    },
    boot: async () => {
      const { status, stdout, stderr } = await run([join(root, PROGRAM_PATH), root], {
        env: {
          PATH: `${programs}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin`,
          STAND_IN_FOLDER: folder,
        },
        accept: [0, 1],
      });
      // A warning of perl's is a defect of ours.
      if (stderr !== '') throw new Error(stderr);
      return { status: status ?? -1, journal: stdout.split('\n') };
    },
  };
}

type Write = (path: string, text: string) => Promise<void>;

/** What every Debian system has. */
async function layOutSystem(root: string, write: Write): Promise<void> {
  const { uid, gid } = userInfo();
  await write(
    'etc/passwd',
    `root:x:0:0:root:/root:/bin/bash\nada:x:${uid}:${gid}::/home/ada:/bin/bash\n`,
  );
  await write('etc/hostname', 'shop\n');
  await write('etc/hosts', '127.0.0.1 localhost\n127.0.1.1 shop\n::1 localhost\n');
  await write('proc/sys/kernel/hostname', 'shop');
  await write('sys/class/tty/console/active', 'tty0 ttyS0\n');
  await write('dev/tty0', '');
  await write('dev/ttyS0', '');
  await mkdir(join(root, 'sys/class/block'), { recursive: true });
  await mkdir(join(root, 'home/ada'), { recursive: true });
}

async function standIn(folder: string, name: string, script: string): Promise<void> {
  await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

async function layOut(folder: string, files: Medium): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

/** As vCenter writes it. */
export function environment(values: Readonly<Record<string, string>>): string {
  const escaped = (text: string) =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
  const properties = Object.entries(values).map(
    ([key, value]) => `         <Property oe:key="${escaped(key)}" oe:value="${escaped(value)}"/>`,
  );
  return `<?xml version="1.0" encoding="UTF-8"?>
<Environment
     xmlns="http://schemas.dmtf.org/ovf/environment/1"
     xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
     xmlns:oe="http://schemas.dmtf.org/ovf/environment/1"
     xmlns:ve="http://www.vmware.com/schema/ovfenv"
     oe:id=""
     ve:vCenterId="vm-1234">
   <PlatformSection>
      <Kind>VMware ESXi</Kind>
      <Version>8.0.3</Version>
      <Vendor>VMware, Inc.</Vendor>
      <Locale>en</Locale>
   </PlatformSection>
   <PropertySection>
${properties.join('\n')}
   </PropertySection>
   <ve:EthernetAdapterSection>
      <ve:Adapter ve:mac="00:50:56:00:00:01" ve:network="VM Network" ve:unitNumber="7"/>
   </ve:EthernetAdapterSection>
</Environment>
`;
}
