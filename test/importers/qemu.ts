/** QEMU: its checks of images, its reading them, and a machine that boots from each. */
import { spawn } from 'node:child_process';
import { commandLine } from '../../src/system/run.ts';
import { type Importer, type Trial, versionOf } from './importer.ts';

const version = () => versionOf('qemu-img', '--version');

export const qemuCheck: Importer = {
  name: 'qemu-img check',
  version,
  attempt: ({ image, imageFormat }, trial) =>
    // For the others qemu-img says that they do not support checks.
    ['qcow2', 'vmdk', 'vdi', 'vhdx'].includes(imageFormat)
      ? trial
          .run(['qemu-img', 'check', '-f', imageFormat, image])
          .then(({ stdout }) => (/^No errors were found/m.test(stdout) ? 'no errors' : stdout))
      : undefined,
};

export const qemuCompare: Importer = {
  name: 'qemu-img compare',
  version,
  attempt: async ({ image, imageFormat }, trial) => {
    await trial.compare(image, imageFormat);
    return 'identical';
  },
};

const BOOT_SECONDS = 120;
/** GRUB's menu, or the kernel. */
export const SPEAKS = /GNU GRUB|Linux version \d|Welcome to|login: /;

export const qemuBoot: Importer = {
  name: 'QEMU boots it',
  version: () => versionOf('qemu-system-x86_64', '--version'),
  attempt: ({ image, imageFormat }, trial) => boots(image, imageFormat, trial),
};

/** What a machine that boots from a disk says first; nothing is written to the disk. */
export function boots(image: string, imageFormat: string, trial: Trial): Promise<string> {
  const argv = [
    'qemu-system-x86_64',
    '-accel',
    'tcg',
    '-cpu',
    'max',
    '-m',
    '512',
    '-snapshot',
    '-drive',
    `file=${image},format=${imageFormat},if=virtio`,
    '-nic',
    'none',
    '-display',
    'none',
    '-monitor',
    'none',
    '-serial',
    'stdio',
  ];
  trial.note(argv);
  return firstWords(argv, trial.signal);
}

/** Starts a machine and ends it as soon as its console says what a boot loader or a kernel would. */
function firstWords(argv: readonly string[], signal: AbortSignal): Promise<string> {
  const [program = '', ...args] = argv;
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], signal });
    const timer = setTimeout(() => child.kill('SIGKILL'), BOOT_SECONDS * 1000);
    let said = '';
    let heard: string | undefined;
    child.stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString('latin1');
      heard ??= SPEAKS.exec(said)?.[0];
      if (heard !== undefined) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(timer);
      const seconds = Math.round((performance.now() - began) / 1000);
      if (heard !== undefined) resolve(`“${heard.trim()}” after ${seconds} s`);
      else reject(new Error(`${commandLine(argv)}: silent for ${BOOT_SECONDS} s`));
    });
  });
}
