/** The driver of VirtualBox with a real one, and with real guests of one boot sector. */
import { access, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type {
  Machine,
  MachineSpecification,
  RunningMachine,
} from '../../src/hypervisors/hypervisor.ts';
import { type TinyGuest, tinyGuest } from '../../src/hypervisors/tiny-guest.test-support.ts';
import { virtualBoxHypervisor } from '../../src/hypervisors/virtualbox/hypervisor.ts';
import { parseMachineReadable } from '../../src/hypervisors/virtualbox/machine-readable.ts';
import { type Progress, quietProgress } from '../../src/system/progress.ts';
import { TestVirtualBox, whyNoVirtualBox } from '../support/virtualbox/test-virtualbox.ts';

const MIB = 2 ** 20;
const NAME = 'pvmc-test';

let virtualbox: TestVirtualBox;
let folder: string;
const machines: Machine[] = [];

beforeEach(async ({ skip }) => {
  const why = await whyNoVirtualBox();
  if (why !== undefined) skip(why);
  virtualbox = await TestVirtualBox.install();
  folder = virtualbox.folder;
});

afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.discard();
  await virtualbox?.remove();
});

function specification(changes: Partial<MachineSpecification> = {}): MachineSpecification {
  return {
    name: NAME,
    memoryBytes: 64 * MIB,
    cpus: 1,
    firmware: 'bios',
    network: 'none',
    disk: { type: 'existing', path: join(folder, 'guest.img'), format: 'raw' },
    devices: 'fast',
    consoleLogPath: join(folder, 'console.log'),
    runtimeFolder: join(folder, 'runtime'),
    ...changes,
  };
}

function hypervisor() {
  return virtualBoxHypervisor({ program: virtualbox.program, facts: async () => NO_DRIVER });
}

const NO_DRIVER = {
  hasDriver: false,
  hasVirtualization: false,
  kvmModule: undefined,
  kvmHoldsProcessor: false,
  kvmCanBeAsked: false,
};

async function create(changes?: Partial<MachineSpecification>): Promise<Machine> {
  const machine = await hypervisor().create(specification(changes), quietProgress());
  machines.push(machine);
  return machine;
}

async function startGuest(
  guest: TinyGuest,
  options: { changes?: Partial<MachineSpecification>; progress?: Progress } = {},
): Promise<{ machine: Machine; running: RunningMachine }> {
  await writeFile(join(folder, 'guest.img'), Buffer.concat([tinyGuest(guest)], MIB));
  const machine = await create(options.changes);
  return { machine, running: await machine.start(options.progress ?? quietProgress()) };
}

async function textOf(link: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of link) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

async function settings(): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await virtualbox.manage('showvminfo', NAME, '--machinereadable');
  return parseMachineReadable(stdout);
}

test('tells its version and what it can do', async () => {
  expect(await hypervisor().version()).toMatch(/^VirtualBox \d+\.\d+\.\d+$/);
  expect(await hypervisor().capabilities()).toMatchObject({
    acceleration: { available: false, interpreted: true },
    checkpoints: true,
  });
});

describe('a machine', () => {
  test('is made as it is wanted, and removed with all but its disk', async () => {
    const path = join(folder, 'new.raw');
    const mediumPath = join(folder, 'Ein Medium, größer.iso');
    await writeFile(mediumPath, Buffer.alloc(MIB));
    const machine = await create({
      disk: { type: 'create', path, sizeBytes: 64 * MIB },
      memoryBytes: 512 * MIB,
      cpus: 2,
      firmware: 'uefi',
      network: 'nat',
      forwardPorts: { 22: 2222 },
      mediumPath,
    });
    expect(Object.fromEntries(await settings())).toMatchObject({
      name: NAME,
      ostype: 'Debian (64-bit)',
      memory: '512',
      cpus: '2',
      firmware: 'EFI',
      chipset: 'piix3',
      ioapic: 'on',
      graphicscontroller: 'vmsvga',
      nic1: 'nat',
      nictype1: 'virtio',
      localhostReachable: '1',
      'Forwarding(0)': 'tcp22,tcp,127.0.0.1,2222,,22',
      uart1: '0x03f8,4',
      uart2: '0x02f8,3',
      usb: 'off',
      audio: 'none',
      'Disk-0-0': join(folder, 'runtime/disk.vmdk'),
      'Medium-0-0': mediumPath,
    });
    await machine.detachMedium();
    expect((await settings()).get('Medium-0-0')).toBe('emptydrive');
    await machine.discard();
    expect((await virtualbox.manage('list', 'vms')).stdout).toBe('');
    expect((await virtualbox.manage('list', 'hdds')).stdout).toBe('');
    expect((await virtualbox.manage('list', 'dvds')).stdout).toBe('');
    expect((await stat(path)).size).toBe(64 * MIB);
    await access(mediumPath);
    expect(await readdir(folder)).not.toContain('runtime');
  });

  test('of a name that is taken is not made, and the other one not touched', async () => {
    await virtualbox.manage('createvm', '--name', NAME, '--register');
    const path = join(folder, 'new.raw');
    const disk = { type: 'create', path, sizeBytes: 64 * MIB } as const;
    await expect(create({ disk })).rejects.toMatchObject({ code: 'machine-exists' });
    expect((await virtualbox.manage('list', 'vms')).stdout).toContain(NAME);
    expect(await readdir(folder)).toEqual(expect.not.arrayContaining(['new.raw', 'runtime']));
  });

  test('is not made where there is neither a driver nor leave to interpret', async () => {
    await virtualbox.manage('setextradata', 'global', 'VBoxInternal/HM/FallbackToIEM', '');
    await expect(create()).rejects.toMatchObject({ code: 'virtualbox-no-driver' });
  });

  test('that VirtualBox cannot start says why', async () => {
    const { program } = virtualbox;
    const driver = { ...NO_DRIVER, hasDriver: true, hasVirtualization: true };
    await writeFile(join(folder, 'guest.img'), Buffer.alloc(MIB));
    const believing = virtualBoxHypervisor({ program, facts: async () => driver });
    const machine = await believing.create(specification(), quietProgress());
    machines.push(machine);
    await virtualbox.manage('setextradata', 'global', 'VBoxInternal/HM/FallbackToIEM', '');
    await expect(machine.start(quietProgress())).rejects.toMatchObject({
      code: 'virtualbox-no-driver',
    });
  });
});

describe('a guest that powers itself off', () => {
  test('has its console logged, its link read to the end', async () => {
    const { machine, running } = await startGuest({
      console: 'hello console\r\n',
      link: 'hello link\n',
      ending: 'power-off',
    });
    expect(await textOf(running.link)).toBe('hello link\n');
    expect(await running.stopped).toEqual({ type: 'stopped', by: 'guest' });
    expect(await readFile(join(folder, 'console.log'), 'utf8')).toContain('hello console');
    const events = [];
    for await (const event of running.events) events.push(event);
    expect(events).toEqual([{ type: 'stopped', by: 'guest' }]);

    const again = await machine.start(quietProgress());
    expect(await textOf(again.link)).toBe('hello link\n');
  });

  test('boots from the disk of the devices that importers choose', async () => {
    const { running } = await startGuest(
      { link: 'lsilogic', ending: 'power-off' },
      { changes: { devices: 'appliance', network: 'nat' } },
    );
    expect(await textOf(running.link)).toBe('lsilogic');
  });
});

describe('a guest that ends otherwise', () => {
  test('is seen to reset itself', async () => {
    const { running } = await startGuest({ ending: 'reset' });
    expect(await running.stopped).toEqual({ type: 'reset' });
  });

  test('is photographed, and stopped at once, twice if need be', async () => {
    const { running } = await startGuest({ link: 'here', ending: 'hang' });
    for await (const bytes of running.link) {
      expect(Buffer.from(bytes).toString()).toMatch(/^here?|^h/);
      break;
    }
    const picture = join(folder, 'screen.png');
    await running.screenshot(picture);
    expect((await readFile(picture)).toString('latin1', 1, 4)).toBe('PNG');
    await Promise.all([running.stop(), running.stop()]);
    expect(await running.stopped).toEqual({ type: 'stopped', by: 'host' });
  });

  test('is stopped when the run is aborted', async () => {
    const controller = new AbortController();
    const { running } = await startGuest(
      { ending: 'hang' },
      { progress: quietProgress(controller.signal) },
    );
    controller.abort(new Error('enough'));
    expect(await running.stopped).toEqual({ type: 'stopped', by: 'host' });
  });

  test('is known to have been ended by somebody else', async () => {
    const { running } = await startGuest({ ending: 'hang' });
    await virtualbox.manage('controlvm', NAME, 'poweroff');
    expect(await running.stopped).toMatchObject({ type: 'killed' });
  });
});

test('a disk that is to be thrown away stays as it is', async () => {
  const path = join(folder, 'precious.img');
  const disk = Buffer.concat([tinyGuest({ link: 'here', ending: 'power-off' })], MIB);
  await writeFile(path, disk, { mode: 0o400 });
  const machine = await create({ disk: { type: 'throw-away', path } });
  const running = await machine.start(quietProgress());
  expect(await textOf(running.link)).toBe('here');
  await machine.discard();
  expect((await readFile(path)).equals(disk)).toBe(true);
  expect((await virtualbox.manage('list', 'hdds')).stdout).toBe('');
});

test('the host writes on the link, and copies the disk of a machine that goes on', async () => {
  const { running } = await startGuest({ link: '>', ending: 'echo' });
  const heard = running.link[Symbol.asyncIterator]();
  await heard.next();
  running.link.write('a');
  expect(Buffer.from((await heard.next()).value ?? '').toString()).toBe('a');
  const copy = join(folder, 'checkpoint.raw');
  await running.checkpoint(copy, quietProgress());
  const disk = await readFile(join(folder, 'guest.img'));
  expect((await readFile(copy)).equals(disk)).toBe(true);
  running.link.write('b');
  expect(Buffer.from((await heard.next()).value ?? '').toString()).toBe('b');
});
