/**
 * The script that turns extracted packages into the medium's system. It runs inside the extracted
 * system itself, so what it makes (kernel modules' tables, GRUB's images) comes from Debian 13's
 * programs, whatever the host is. What the ISO needs beside the system is left in `output`.
 */
import { INITRD_MODULES, KEPT_MODULE_FOLDERS, LEFT_OUT, PROMISED_PROGRAMS } from './packages.ts';
import { KEPT_UDEV_RULES } from './system/settings.ts';
import { KEPT_UNITS } from './system/units.ts';

/** Folder inside the system for the script, its inputs and what it hands over. */
export const BUILD_FOLDER = 'pvmc-build';

const BIOS_MODULES =
  'biosdisk iso9660 linux normal configfile search search_fs_file serial terminal echo test ' +
  'part_msdos part_gpt chain ntldr minicmd reboot halt sleep keystatus';
const EFI_MODULES =
  'iso9660 fat linux normal configfile search search_fs_file serial terminal echo test ' +
  'part_msdos part_gpt chain minicmd reboot halt sleep keystatus all_video efi_gop';

export function customizeScript(): string {
  return `#!/bin/sh
set -eu
export PATH=/usr/sbin:/usr/bin LC_ALL=C.UTF-8
umask 022
out=/${BUILD_FOLDER}/output
mkdir -p $out/modules

${ACCOUNTS}
${modules()}
${grub()}
cp /usr/bin/busybox $out/busybox
cp /boot/vmlinuz-"$release" $out/vmlinuz
ls /var/cache/apt/archives > $out/packages.txt

${trim()}
ldconfig
rm -f /var/cache/ldconfig/aux-cache
${PROMISES}
`;
}

// What the maintainer scripts of base-passwd, systemd and ca-certificates would have done.
const ACCOUNTS = `cp /usr/share/base-passwd/passwd.master /etc/passwd
cp /usr/share/base-passwd/group.master /etc/group
sed -i 's|^root:[^:]*:|root::|' /etc/passwd
systemd-sysusers
rm -f /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/.pwd.lock
mkdir -p /etc/ssl/certs /root
cat /usr/share/ca-certificates/mozilla/*.crt > /etc/ssl/certs/ca-certificates.crt
rm -rf /usr/share/ca-certificates`;

// mke2fs opens libarchive only when it reads a tar archive, so no dependency brings it.
const PROMISES = `for program in ${PROMISED_PROGRAMS.join(' ')}; do
  command -v "$program" > /dev/null || { echo "PVMC medium: $program is missing" >&2; exit 1; }
done
[ -e /usr/lib/x86_64-linux-gnu/libarchive.so.13 ] || {
  echo 'PVMC medium: libarchive.so.13 is missing' >&2
  exit 1
}`;

function modules(): string {
  const folders = KEPT_MODULE_FOLDERS.join('|');
  return `release=$(basename /usr/lib/modules/*)
tree=/usr/lib/modules/$release
depmod "$release"
# modules.dep names, for each module, all that it needs.
mawk -v folders='^kernel/(${folders})' '
  { sub(/:/, ""); if ($1 ~ folders) for (i = 1; i <= NF; i++) print $i }
' "$tree/modules.dep" | sort -u > /${BUILD_FOLDER}/kept
(cd "$tree" && find kernel -name '*.ko.xz' | sort) > /${BUILD_FOLDER}/all
comm -13 /${BUILD_FOLDER}/kept /${BUILD_FOLDER}/all | (cd "$tree" && xargs rm -f)
# Uncompressed: the guest's processor, perhaps an emulated one, should not spend its time on xz.
(cd "$tree" && find kernel -name '*.ko.xz' -print0 | xargs -0 -r -n 20 -P 4 unxz)
find "$tree/kernel" -type d -empty -delete
rm -f "$tree/build" "$tree/source"
depmod "$release"
for name in ${INITRD_MODULES.join(' ')}; do
  modprobe --set-version "$release" --show-depends "$name"
done | mawk '$1 == "insmod" { print $2 }' | sort -u > /${BUILD_FOLDER}/initrd-modules
target=$out/modules/lib/modules/$release
while read -r module; do
  mkdir -p "$target/\${module%/*}"
  cp "$module" "$target/"
done < /${BUILD_FOLDER}/initrd-modules
find "$target" -type d -empty -delete
cp "$tree/modules.order" "$tree/modules.builtin" "$tree/modules.builtin.modinfo" "$target/"
depmod --basedir $out/modules "$release"
rm -f "$target"/*.bin "$target"/modules.symbols "$target"/modules.softdep "$target"/modules.devname
rm -f "$target"/modules.builtin* "$target"/modules.order "$target"/modules.weakdep`;
}

// Without a device in its prefix, GRUB takes the one that it was loaded from.
function grub(): string {
  return `grub-mkimage --format=i386-pc --prefix=/boot/grub --output=/${BUILD_FOLDER}/core.img ${BIOS_MODULES}
cat /usr/lib/grub/i386-pc/cdboot.img /${BUILD_FOLDER}/core.img > $out/bios.img
cp /usr/lib/grub/i386-pc/boot_hybrid.img $out/boot-hybrid.img
grub-mkimage --format=x86_64-efi --prefix=/efi --output=$out/bootx64.efi ${EFI_MODULES}`;
}

function trim(): string {
  return `cd /
rm -rf ${LEFT_OUT.join(' ')}
cd /usr/lib/systemd/system
ls | grep -vxF ${quotedLines(KEPT_UNITS)} | xargs rm -rf
rm -rf /etc/systemd/system/* /etc/systemd/user
cd /usr/lib/udev/rules.d
ls | grep -vxF ${quotedLines(KEPT_UDEV_RULES)} | xargs rm -f
cd /`;
}

function quotedLines(lines: readonly string[]): string {
  return `'${lines.join('\n')}'`;
}
