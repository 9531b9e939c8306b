import { describe, expect, it } from 'vitest';
import type { MachineSpecification } from '../hypervisor.ts';
import { type QemuCommand, qemuArguments } from './command-line.ts';

const SPECIFICATION: MachineSpecification = {
  name: 'pvmc-hello',
  memoryBytes: 1024 * 2 ** 20,
  cpus: 2,
  firmware: 'bios',
  network: 'nat',
  disk: { type: 'create', path: '/build/disk.raw', sizeBytes: 2 ** 33 },
  devices: 'fast',
  mediumPath: '/build/pvmc.iso',
  consoleLogPath: '/build/console.log',
  runtimeFolder: '/build/run',
};

const FILES = { smbiosStringPaths: [], overlayPath: '/machine/overlay.qcow2' };

function argumentsOf(
  changes: Partial<MachineSpecification> = {},
  command: Partial<QemuCommand> = {},
): string[] {
  return qemuArguments({
    specification: { ...SPECIFICATION, ...changes },
    files: FILES,
    accelerator: 'tcg',
    sandbox: true,
    ...command,
  });
}

/** The values of an option that may come several times; JSON as what it says. */
function valuesOf(argv: readonly string[], option: string): unknown[] {
  return argv.flatMap((argument, index) => {
    const value = argv[index + 1] ?? '';
    if (argument !== option) return [];
    return [value.startsWith('{') ? JSON.parse(value) : value];
  });
}

describe('the command line of QEMU', () => {
  it('gives the machine its processor, memory and nothing that it did not ask for', () => {
    const argv = argumentsOf();
    expect(valuesOf(argv, '-machine')).toEqual(['q35']);
    expect(valuesOf(argv, '-accel')).toEqual(['tcg,thread=multi,tb-size=1024']);
    expect(valuesOf(argv, '-cpu')).toEqual(['max,la57=off,smap=off,smep=off,erms=off']);
    expect(valuesOf(argv, '-smp')).toEqual(['2']);
    expect(valuesOf(argv, '-m')).toEqual(['1024M']);
    expect(argv).toContain('-nodefaults');
    const accelerated = argumentsOf({}, { accelerator: 'kvm' });
    expect(valuesOf(accelerated, '-accel')).toEqual(['kvm']);
    expect(valuesOf(accelerated, '-cpu')).toEqual(['host']);
  });

  it('starts from the medium when there is one, else from the disk', () => {
    const bootOrder = (argv: string[]) =>
      valuesOf(argv, '-device')
        .filter((value) => typeof value === 'object' && value !== null && 'bootindex' in value)
        .map((value) => (value as { drive: string; bootindex: number }).drive);
    expect(bootOrder(argumentsOf())).toEqual(['disk', 'medium']);
    expect(valuesOf(argumentsOf(), '-device')).toContainEqual({
      driver: 'ide-cd',
      bus: 'ide.1',
      drive: 'medium',
      bootindex: 0,
    });
    expect(bootOrder(argumentsOf({ mediumPath: undefined }))).toEqual(['disk']);
  });

  it('uses the fastest devices, or those that an importer chooses', () => {
    const drivers = (argv: string[]) => JSON.stringify(valuesOf(argv, '-device'));
    expect(drivers(argumentsOf())).toContain('"virtio-blk-pci"');
    expect(drivers(argumentsOf())).toContain('"virtio-net-pci"');
    const appliance = drivers(argumentsOf({ devices: 'appliance' }));
    expect(appliance).toContain('"ide-hd"');
    expect(appliance).toContain('"e1000"');
    expect(appliance).not.toContain('virtio');
  });

  it('lets the disk shrink, and halts the guest when it fails', () => {
    expect(valuesOf(argumentsOf(), '-blockdev')[0]).toMatchObject({
      driver: 'raw',
      discard: 'unmap',
      'detect-zeroes': 'unmap',
      cache: { 'no-flush': true },
      file: { filename: '/build/disk.raw', discard: 'unmap' },
    });
    expect(valuesOf(argumentsOf(), '-device')).toContainEqual({
      driver: 'virtio-blk-pci',
      drive: 'disk',
      bootindex: 1,
      werror: 'stop',
      rerror: 'stop',
    });
    const existing = { type: 'existing', path: '/x.qcow2', format: 'qcow2' } as const;
    expect(valuesOf(argumentsOf({ disk: existing }), '-blockdev')[0]).toMatchObject({
      driver: 'qcow2',
    });
    const disk = { type: 'throw-away', path: '/precious.raw' } as const;
    expect(valuesOf(argumentsOf({ disk }), '-blockdev')[0]).toMatchObject({
      driver: 'qcow2',
      file: { filename: '/machine/overlay.qcow2' },
    });
  });

  it('lets nobody in but through the forwarded ports, on loopback', () => {
    expect(valuesOf(argumentsOf({ forwardPorts: { 22: 2222, 80: 8080 } }), '-netdev')).toEqual([
      'user,id=nat,ipv6=off,hostfwd=tcp:127.0.0.1:2222-:22,hostfwd=tcp:127.0.0.1:8080-:80',
    ]);
    const without = argumentsOf({ network: 'none' }).join(' ');
    expect(without).not.toContain('-netdev');
    expect(without).not.toContain('virtio-net');
  });

  it('takes paths with commas for what they are', () => {
    const argv = argumentsOf(
      { consoleLogPath: '/a,b/console.log', disk: { type: 'create', path: '/a,b', sizeBytes: 1 } },
      { files: { ...FILES, smbiosStringPaths: ['/a,b/0'] } },
    );
    expect(argv).toContain('file,id=console,path=/a,,b/console.log,append=on,mux=on');
    expect(argv).toContain('type=11,path=/a,,b/0');
    expect(valuesOf(argv, '-blockdev')[0]).toMatchObject({ file: { filename: '/a,b' } });
  });

  it('gives a UEFI machine its code, which is shared, and its own variables', () => {
    const uefi = { codePath: '/CODE.fd', variablesPath: '/run/vars.fd' };
    const argv = argumentsOf({ firmware: 'uefi' }, { files: { ...FILES, uefi } });
    expect(valuesOf(argv, '-machine')).toEqual(['q35,pflash0=uefi-code,pflash1=uefi-variables']);
    expect(valuesOf(argv, '-blockdev')).toContainEqual({
      'node-name': 'uefi-code',
      driver: 'raw',
      'read-only': true,
      file: { driver: 'file', filename: '/CODE.fd' },
    });
  });

  it('locks QEMU in where it can be', () => {
    expect(valuesOf(argumentsOf(), '-sandbox')[0]).toContain('spawn=deny');
    expect(argumentsOf({}, { sandbox: false })).not.toContain('-sandbox');
  });
});
