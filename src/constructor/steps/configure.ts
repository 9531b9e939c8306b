/** Who the appliance is: name, language, clock, keyboard, disks, network, package sources. */
import { chmod, copyFile, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DiskInputs } from '../../manifest/installation-manifest.ts';
import { PERSONALISE_LINK, PROGRAM_PATH, personaliseFiles } from '../personalise/files.ts';
import type { Context, Step } from '../step.ts';

export const configure: Step = {
  name: 'configure',
  title: 'Configure the system',
  plan: (manifest) => {
    const { appliance, properties } = manifest;
    const { locale, timezone, keyboard, network } = appliance;
    return [
      `host name ${appliance.hostname ?? appliance.name}, locale ${locale}, time zone ${timezone}, keyboard ${keyboard}`,
      network === 'dhcp'
        ? 'the network by DHCP'
        : `the network with the address ${network.address}`,
      ...(properties === undefined
        ? []
        : [`personalised at the first boot by: ${properties.map(({ key }) => key).join(' ')}`]),
      `written: ${Object.keys(configurationFiles(manifest))
        .map((path) => `/${path}`)
        .join(' ')}`,
    ];
  },
  async run(context) {
    const { manifest } = context;
    for (const [path, text] of Object.entries(configurationFiles(manifest))) {
      await writeInRoot(context, path, text);
    }
    await pointTo(context, 'etc/localtime', `/usr/share/zoneinfo/${manifest.appliance.timezone}`);
    await writePackageSources(context);
    await makeLocale(context);
    await setUpNetwork(context);
    if (manifest.properties !== undefined) {
      await chmod(join(context.workspace.root, PROGRAM_PATH), 0o755);
      await pointTo(context, PERSONALISE_LINK.path, PERSONALISE_LINK.target);
    }
  },
};

/** Path in the appliance → text. Pure, so that a test shows what an appliance gets. */
export function configurationFiles(manifest: DiskInputs): Readonly<Record<string, string>> {
  const { appliance, identifiers } = manifest;
  const hostname = appliance.hostname ?? appliance.name;
  return {
    'etc/hostname': `${hostname}\n`,
    'etc/hosts': `127.0.0.1 localhost\n127.0.1.1 ${hostname}\n::1 localhost ip6-localhost ip6-loopback\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n`,
    'etc/locale.conf': `LANG=${appliance.locale}\n`,
    'etc/timezone': `${appliance.timezone}\n`,
    'etc/vconsole.conf': `XKBLAYOUT=${appliance.keyboard}\n`,
    'etc/default/keyboard': `XKBMODEL="pc105"\nXKBLAYOUT="${appliance.keyboard}"\nXKBVARIANT=""\nXKBOPTIONS=""\n\nBACKSPACE="guess"\n`,
    'etc/fstab': [
      '# <file system> <mount point> <type> <options> <dump> <pass>',
      `UUID=${identifiers.rootUuid} / ext4 errors=remount-ro 0 1`,
      `UUID=${fatUuid(identifiers.espSerial)} /boot/efi vfat umask=0077,nofail 0 1`,
      '',
    ].join('\n'),
    'etc/default/grub': [
      '# Read by update-grub, which a new kernel runs.',
      `GRUB_DEFAULT=0`,
      `GRUB_TIMEOUT=1`,
      'GRUB_DISTRIBUTOR="Debian"',
      'GRUB_CMDLINE_LINUX_DEFAULT="quiet"',
      `GRUB_CMDLINE_LINUX="${KERNEL_CONSOLES}"`,
      'GRUB_TERMINAL=console',
      'GRUB_DISABLE_OS_PROBER=true',
      '',
    ].join('\n'),
    ...networkFiles(appliance),
    ...personaliseFiles(manifest.properties),
  };
}

/** The screen is the console; the first serial line gets a copy, for hosts that keep a log of it. */
export const KERNEL_CONSOLES = 'console=ttyS0,115200 console=tty0';

/** A FAT volume's serial number as Linux spells it: `ABCD-1234`. */
function fatUuid(serial: string): string {
  return `${serial.slice(0, 4)}-${serial.slice(4)}`.toUpperCase();
}

function networkFiles(appliance: DiskInputs['appliance']): Record<string, string> {
  const { network } = appliance;
  const settings =
    network === 'dhcp'
      ? ['DHCP=yes', '', '[DHCPv4]', 'UseDomains=yes']
      : [
          `Address=${network.address}`,
          ...(network.gateway === undefined ? [] : [`Gateway=${network.gateway}`]),
          ...network.dns.map((server) => `DNS=${server}`),
        ];
  const text = [
    '# The wired interface, whatever its name on the hypervisor at hand.',
    '[Match]',
    'Type=ether',
    'Kind=!*',
    '',
    '[Network]',
    ...settings,
    '',
  ];
  return { 'etc/systemd/network/80-wired.network': text.join('\n') };
}

async function setUpNetwork(context: Context): Promise<void> {
  await context.runInRoot([
    'systemctl',
    'enable',
    'systemd-networkd.service',
    'systemd-resolved.service',
  ]);
  await pointTo(context, 'etc/resolv.conf', '../run/systemd/resolve/stub-resolv.conf');
  // While the construction lasts, scripts resolve names as the medium does.
  await context.run(['mkdir', '-p', join(context.workspace.root, 'run/systemd/resolve')]);
  await copyFile(
    '/etc/resolv.conf',
    join(context.workspace.root, 'run/systemd/resolve/stub-resolv.conf'),
  ).catch(() => {
    context.progress.log('the medium has no /etc/resolv.conf: scripts cannot resolve names');
  });
}

async function writePackageSources(context: Context): Promise<void> {
  const { aptSources } = context.manifest;
  const folder = join(context.workspace.root, 'etc/apt/sources.list.d');
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder)) await rm(join(folder, name));
  await rm(join(context.workspace.root, 'etc/apt/sources.list'), { force: true });
  await writeInRoot(context, 'etc/apt/sources.list.d/debian.sources', aptSources.text);
  for (const keyring of aptSources.keyrings) {
    const target = join(context.workspace.root, keyring.path);
    await mkdir(dirname(target), { recursive: true });
    await copyFile(join(context.payloadFolder, keyring.payload), target);
  }
}

/** `C.UTF-8` is part of the C library; any other locale has to be compiled. */
async function makeLocale(context: Context): Promise<void> {
  const { locale } = context.manifest.appliance;
  if (locale === 'C.UTF-8' || locale === 'C' || locale === 'POSIX') return;
  const [, charset = 'UTF-8'] = locale.split('.');
  await writeInRoot(context, 'etc/locale.gen', `${locale} ${charset}\n`);
  await context.runInRoot(['locale-gen']);
}

async function pointTo(context: Context, path: string, target: string): Promise<void> {
  const link = join(context.workspace.root, path);
  await rm(link, { force: true });
  await mkdir(dirname(link), { recursive: true });
  await symlink(target, link);
}

async function writeInRoot(context: Context, path: string, text: string): Promise<void> {
  const target = join(context.workspace.root, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, text, { mode: 0o644 });
}
