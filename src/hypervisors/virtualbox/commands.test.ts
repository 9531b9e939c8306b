import { describe, expect, it } from 'vitest';
import type { MachineSpecification } from '../hypervisor.ts';
import { configureCommands, createCommand, createdMachine } from './commands.ts';
import { dialectOf } from './dialect.ts';

const SPECIFICATION: MachineSpecification = {
  name: 'pvmc-shop',
  memoryBytes: 2 ** 30,
  cpus: 2,
  firmware: 'bios',
  network: 'nat',
  disk: { type: 'create', path: '/b/disk.raw', sizeBytes: 2 ** 33 },
  devices: 'fast',
  mediumPath: '/b/shop.iso',
  consoleLogPath: '/b/console.log',
  runtimeFolder: '/b/machine',
};

function wanted(changes: Partial<MachineSpecification> = {}, version = '7.2.22r1') {
  return {
    specification: { ...SPECIFICATION, ...changes },
    files: {
      baseFolder: '/b/machine',
      flatDiskPath: '/b/machine/disk.vmdk',
      linkAddress: '/tmp/pvmc-link-1/link',
    },
    dialect: dialectOf(version),
  };
}

function modifyvm(changes: Partial<MachineSpecification>, version?: string): string {
  const [command = []] = configureCommands('UUID', wanted(changes, version));
  return command.join(' ');
}

it('a machine is created, then called by its UUID', () => {
  expect(createCommand(wanted()).join(' ')).toBe(
    'createvm --name pvmc-shop --ostype Debian_64 --basefolder /b/machine --register',
  );
  const answer =
    "Virtual machine 'pvmc-shop' is created and registered.\nUUID: 8f15a7d2-0685-49d3\nSettings file: '…'\n";
  expect(createdMachine(answer)).toBe('8f15a7d2-0685-49d3');
});

it('all of a machine', () => {
  expect(configureCommands('UUID', wanted()).map((command) => command.join(' '))).toEqual([
    'modifyvm UUID --memory 1024 --cpus 2 --chipset piix3 --ioapic on --pae on --rtcuseutc on --firmware bios ' +
      '--boot1 dvd --boot2 disk --boot3 none --boot4 none --biosbootmenu disabled --bioslogodisplaytime 0 ' +
      '--bioslogofadein off --bioslogofadeout off --graphicscontroller vmsvga --vram 16 --vrde off ' +
      '--mouse ps2 --keyboard ps2 --usbohci off --usbehci off --usbxhci off --audio-enabled off ' +
      '--nic1 nat --nictype1 virtio --natlocalhostreachable1 on ' +
      '--uart1 0x3F8 4 --uartmode1 file /b/console.log ' +
      '--uart2 0x2F8 3 --uartmode2 client /tmp/pvmc-link-1/link',
    'storagectl UUID --name Disk --add sata --controller IntelAhci --portcount 1 --hostiocache on --bootable on',
    'storageattach UUID --storagectl Disk --port 0 --device 0 --type hdd --medium /b/machine/disk.vmdk',
    'storagectl UUID --name Medium --add ide --controller PIIX4',
    'storageattach UUID --storagectl Medium --port 0 --device 0 --type dvddrive --medium /b/shop.iso',
  ]);
});

describe('a machine', () => {
  it('starts with UEFI', () => {
    expect(modifyvm({ firmware: 'uefi' })).toContain('--firmware efi');
  });

  it('has no network, or ports that are forwarded to it', () => {
    expect(modifyvm({ network: 'none' })).toContain('--nic1 none --uart1');
    expect(modifyvm({ forwardPorts: { 80: 8080 } })).toContain(
      '--natpf1 tcp80,tcp,127.0.0.1,8080,,80',
    );
  });

  it('has the devices that importers choose', () => {
    const commands = configureCommands('UUID', wanted({ devices: 'appliance' }))
      .flat()
      .join(' ');
    expect(commands).toContain('--nictype1 82540EM');
    expect(commands).toContain('--add scsi --controller LsiLogic');
  });

  it('does not write to a disk that it is to throw away', () => {
    const disk = { type: 'throw-away', path: '/precious.raw' } as const;
    expect(configureCommands('UUID', wanted({ disk })).flat().join(' ')).toContain(
      '--medium /b/machine/disk.vmdk --mtype immutable',
    );
  });

  it('is described in the words of VirtualBox 6.1', () => {
    const command = modifyvm({}, '6.1.50r161033');
    expect(command).toContain('--audio none');
    expect(command).not.toMatch(/--audio-|localhostreachable/);
  });
});
