/** Settings of the medium's system that Debian's package scripts would have made, or made larger. */
import type { SystemFile } from './tree.ts';

const PAM_LOGIN = `# Whoever sits at the console of an installer owns the machine.
auth sufficient pam_permit.so
account required pam_permit.so
session required pam_permit.so
`;

const PAM_OTHER = `auth required pam_deny.so
account required pam_deny.so
password required pam_deny.so
session required pam_deny.so
`;

const JOURNAL = `[Journal]
Storage=volatile
RuntimeMaxUse=32M
Compress=no
Seal=no
Audit=no
`;

const MANAGER = `[Manager]
# An emulated machine on a busy host may take minutes, and its clock may run several times too fast.
DefaultTimeoutStartSec=30min
DefaultTimeoutStopSec=10s
DefaultMemoryAccounting=no
DefaultTasksAccounting=no
DefaultIOAccounting=no
StatusUnitFormat=description
`;

// Code page 367 is ASCII, which the C library knows without the conversion tables that would come with
// 850. The check is of cylinders and heads, which mean nothing on a partition of today.
const MTOOLS = `default_codepage=367
mtools_skip_check=1
`;

/** Only what makes device nodes right, loads drivers and lets systemd-networkd see its links. */
export const KEPT_UDEV_RULES: readonly string[] = [
  '50-firmware.rules',
  '50-udev-default.rules',
  '80-drivers.rules',
];

export function settingsFiles(): readonly SystemFile[] {
  return [
    { path: 'etc/hostname', content: 'pvmc\n' },
    { path: 'etc/hosts', content: '127.0.0.1 localhost\n127.0.1.1 pvmc\n::1 localhost\n' },
    // Empty, not missing: each boot draws its own, and systemd does not believe it to be the first.
    { path: 'etc/machine-id', content: '' },
    { path: 'etc/fstab', content: '' },
    { path: 'etc/nsswitch.conf', content: 'passwd: files\ngroup: files\nhosts: files dns\n' },
    { path: 'etc/selinux/config', content: 'SELINUX=disabled\n' },
    { path: 'etc/mtools.conf', content: MTOOLS },
    { path: 'etc/locale.conf', content: 'LANG=C.UTF-8\n' },
    { path: 'etc/issue', content: 'PVMC medium, \\n \\l\n' },
    { path: 'etc/motd', content: '' },
    { path: 'etc/shells', content: '/bin/sh\n/bin/bash\n' },
    { path: 'etc/pam.d/login', content: PAM_LOGIN },
    { path: 'etc/pam.d/other', content: PAM_OTHER },
    { path: 'etc/systemd/journald.conf', content: JOURNAL },
    { path: 'etc/systemd/system.conf', content: MANAGER },
    { path: 'etc/localtime', target: '/usr/share/zoneinfo/Etc/UTC' },
    { path: 'usr/bin/awk', target: 'mawk' },
    { path: 'usr/bin/vi', target: 'vim.tiny' },
    { path: 'usr/bin/pager', target: 'less' },
    { path: 'etc/mtab', target: '../proc/self/mounts' },
  ];
}
