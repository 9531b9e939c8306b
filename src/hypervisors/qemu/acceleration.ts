/**
 * Whether this host runs guest code on its processor. `/dev/kvm` alone proves nothing: it may be there,
 * open and even make a virtual machine, and a kernel still does not run on it. So the processor must
 * say that it virtualizes, the device must open, and QEMU must get through its own BIOS on it. What is
 * still missed then shows at run time, as QEMU's internal error (see `running-machine.ts`).
 */
import { constants } from 'node:fs';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, systemCodeOf } from '../../system/error.ts';
import { run } from '../../system/run.ts';

export interface Acceleration {
  readonly available: boolean;
  /** One line for a person, either way. */
  readonly why: string;
  /** What is in the way, for those who advise; undefined where it is nothing that they know. */
  readonly obstacle?: AccelerationObstacle | undefined;
}

export type AccelerationObstacle =
  /** It offers no virtualization, or its firmware or hypervisor hides it. */
  | 'processor'
  | 'device-missing'
  | 'device-closed'
  /** All looks well, and a guest does not run. */
  | 'trial';

export interface AccelerationProbe {
  /** The QEMU to try it with. */
  readonly program: string;
  readonly cpuInfoPath?: string;
  readonly devicePath?: string;
  /** Ends the trial early. */
  readonly signal?: AbortSignal | undefined;
}

export async function probeAcceleration(probe: AccelerationProbe): Promise<Acceleration> {
  const devicePath = probe.devicePath ?? '/dev/kvm';
  const cpuInfo = await readFile(probe.cpuInfoPath ?? '/proc/cpuinfo', 'utf8').catch(() => '');
  if (!/^flags\s*:.*\b(vmx|svm)\b/m.test(cpuInfo))
    return {
      available: false,
      why: 'this processor offers no hardware virtualization',
      obstacle: 'processor',
    };
  try {
    await access(devicePath, constants.R_OK | constants.W_OK);
  } catch (thrown) {
    return { available: false, ...whyClosed(devicePath, thrown) };
  }
  return tryAcceleration(probe.program, probe.signal);
}

const TRIAL_SECONDS = 20;
/** The trial writes this to the debug-exit port; QEMU ends with twice that and one. */
const TRIAL_VALUE = 0x2a;

/** Boots 20 bytes from a disk under KVM and expects them to end QEMU with a status of their choice. */
async function tryAcceleration(
  program: string,
  signal: AbortSignal | undefined,
): Promise<Acceleration> {
  const deadline = AbortSignal.timeout(TRIAL_SECONDS * 1000);
  const folder = await mkdtemp(join(tmpdir(), 'pvmc-kvm-'));
  try {
    const image = join(folder, 'trial.img');
    await writeFile(image, trialDisk());
    await run([program, ...trialArguments(image)], {
      accept: [TRIAL_VALUE * 2 + 1],
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    });
    return { available: true, why: 'KVM works on this host' };
  } catch (thrown) {
    const why = `KVM does not work on this host: ${messageOf(thrown)}`;
    return { available: false, why, obstacle: 'trial' };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function trialArguments(image: string): string[] {
  return [
    ['-nodefaults', '-no-user-config', '-display', 'none', '-machine', 'q35', '-m', '32M'],
    ['-accel', 'kvm', '-cpu', 'host', '-no-reboot'],
    ['-device', 'isa-debug-exit,iobase=0x501,iosize=1'],
    ['-blockdev', JSON.stringify({ driver: 'file', 'node-name': 'd', filename: image })],
    ['-device', 'ide-hd,drive=d,bus=ide.0'],
  ].flat();
}

function trialDisk(): Buffer {
  // SeaBIOS refuses a disk that is smaller than a cylinder.
  const disk = Buffer.alloc(1024 ** 2);
  // mov dx, 0x501; mov al, TRIAL_VALUE; out dx, al; hlt
  Buffer.from([0xba, 0x01, 0x05, 0xb0, TRIAL_VALUE, 0xee, 0xf4]).copy(disk);
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

function whyClosed(devicePath: string, thrown: unknown): Omit<Acceleration, 'available'> {
  const code = systemCodeOf(thrown) ?? '';
  switch (code) {
    case 'ENOENT':
      return {
        why: `there is no ${devicePath}: KVM is not loaded, or switched off in the BIOS`,
        obstacle: 'device-missing',
      };
    case 'EACCES':
    case 'EPERM':
      return {
        why: `${devicePath} is not open to this user, who has to be in the group kvm`,
        obstacle: 'device-closed',
      };
    default:
      return { why: `${devicePath} cannot be used: ${messageOf(thrown)}` };
  }
}
