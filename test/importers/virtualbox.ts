/** VirtualBox, the real one of the tests: imports packages, opens disks. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TestVirtualBox, whyNoVirtualBox } from '../support/virtualbox/test-virtualbox.ts';
import type { Exported } from './exports.ts';
import type { Importer, Trial } from './importer.ts';

let installed: Promise<TestVirtualBox> | undefined;

function virtualBox(): Promise<TestVirtualBox> {
  installed ??= TestVirtualBox.install();
  return installed;
}

export const virtualBoxImports: Importer = {
  name: 'VBoxManage',
  version: async () => {
    if ((await whyNoVirtualBox()) !== undefined) return undefined;
    const { stdout } = await (await virtualBox()).manage('--version');
    return `VirtualBox ${/^\d+\.\d+\.\d+/m.exec(stdout)?.[0]}`;
  },
  attempt: (exported, trial) => {
    const descriptor = descriptorOf(exported);
    if (descriptor !== undefined) return importPackage(descriptor, trial);
    if (exported.imageFormat === 'raw') return convert('convertfromraw', exported, trial);
    return convert('clonemedium', exported, trial);
  },
  close: async () => (await installed)?.remove(),
};

/** What of it VirtualBox imports, if it is a package; Vagrant has it import this file of a box. */
function descriptorOf({ format, file, unpacked }: Exported): string | undefined {
  if (format.startsWith('ova') || format === 'ovf') return file;
  return format === 'vagrant-virtualbox' ? join(unpacked ?? '', 'box.ovf') : undefined;
}

async function importPackage(file: string, trial: Trial): Promise<string> {
  await manage(
    trial,
    'import',
    file,
    '--vsys',
    '0',
    '--vmname',
    'trial',
    '--basefolder',
    trial.folder,
  );
  const machine = join(trial.folder, 'trial');
  const disk = (await readdir(machine)).find((name) => name.endsWith('.vmdk')) ?? '';
  await trial.compare(join(machine, disk), 'vmdk');
  await (await virtualBox()).manage('unregistervm', 'trial', '--delete');
  return 'imported; disk identical';
}

async function convert(
  command: 'clonemedium' | 'convertfromraw',
  { image }: Exported,
  trial: Trial,
): Promise<string> {
  const copy = join(trial.folder, 'copy.vdi');
  if (command === 'convertfromraw') {
    await manage(trial, command, image, copy, '--format', 'VDI');
  } else {
    await manage(trial, command, 'disk', image, copy, '--format', 'VDI');
  }
  await trial.compare(copy, 'vdi');
  // One of two files with the same UUID may be known at a time.
  const opened = command === 'clonemedium' ? [copy, image] : [];
  for (const path of opened) await (await virtualBox()).manage('closemedium', 'disk', path);
  return 'read; disk identical';
}

async function manage(trial: Trial, ...args: readonly string[]): Promise<void> {
  const { program } = await virtualBox();
  await trial.run([program, ...args]);
}
