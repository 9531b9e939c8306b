/**
 * What the lint finds in the files that VBoxManage exports, and whether VirtualBox imports what it has made
 * of them. No machine is started.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { VIRTUALBOX_FILES } from '../../src/lint/foreign-tools.ts';
import { lintFile } from '../../src/lint/lint.ts';
import { repairFile } from '../../src/lint/repair.ts';
import { RULES } from '../../src/lint/rules.ts';
import { quietProgress } from '../../src/system/progress.ts';
import { run } from '../../src/system/run.ts';
import { TestVirtualBox, whyNoVirtualBox } from '../support/virtualbox/test-virtualbox.ts';

let skipped: string | undefined;
let virtualbox: TestVirtualBox;

beforeAll(async () => {
  skipped = await whyNoVirtualBox();
});
beforeEach(async ({ skip }) => {
  if (skipped !== undefined) skip(skipped);
  virtualbox = await TestVirtualBox.install();
});
afterEach(async () => {
  await virtualbox?.remove();
});

const NAME = 'tiny';

/** A machine with a disk that holds a file system, exported as OVA. */
async function exported(kind: keyof typeof VIRTUALBOX_FILES): Promise<string> {
  const { folder } = virtualbox;
  const raw = join(folder, 'disk.raw');
  const vdi = join(folder, 'disk.vdi');
  await run(['truncate', '-s', '64M', raw]);
  await run(['mke2fs', '-q', '-F', '-t', 'ext4', '-d', import.meta.dirname, raw]);
  await run(['qemu-img', 'convert', '-f', 'raw', '-O', 'vdi', raw, vdi]);
  await virtualbox.manage('createvm', '--name', NAME, '--ostype', 'Debian_64', '--register');
  const firmware = ['--firmware', kind === 'efi' ? 'efi' : 'bios'];
  await virtualbox.manage('modifyvm', NAME, '--memory', '512', '--nic1', 'nat', ...firmware);
  if (kind === 'efi') await virtualbox.manage('modifynvram', NAME, 'inituefivarstore');
  await virtualbox.manage('storagectl', NAME, '--name', 'SATA', '--add', 'sata');
  const place = ['--storagectl', 'SATA', '--port', '0', '--device', '0'];
  await virtualbox.manage('storageattach', NAME, ...place, '--type', 'hdd', '--medium', vdi);
  await mkdir(join(folder, 'exports'));
  const ova = join(folder, 'exports', `${NAME}.ova`);
  const version = kind === 'ovf20' ? '--ovf20' : '--ovf10';
  await virtualbox.manage('export', NAME, '--output', ova, version, '--manifest');
  return ova;
}

test.each(['bios', 'efi', 'ovf20'] as const)(
  'an export (%s) has the findings that docs/lint.md tells',
  async (kind) => {
    const { findings } = await lintFile(await exported(kind), quietProgress());
    const names = [...new Set(findings.map(({ rule }) => rule.name))];
    expect(names).toEqual(VIRTUALBOX_FILES[kind].found);
  },
);

test.each(['bios', 'efi'] as const)(
  'an export (%s) is imported after it was mended',
  async (kind) => {
    const path = await exported(kind);
    const outputPath = join(virtualbox.folder, 'mended.ova');
    const { after } = await repairFile({ path, outputPath }, quietProgress());
    const kept = VIRTUALBOX_FILES[kind].found.filter((name) => RULES[name].repair === 'no');
    expect(after.findings.map(({ rule }) => rule.name)).toEqual(kept);
    await virtualbox.manage('import', outputPath, '--vsys', '0', '--vmname', 'again');
    expect((await virtualbox.manage('list', 'vms')).stdout).toContain('"again"');
  },
);

test('what qemu-img made is imported after it was mended', async () => {
  const path = await exported('bios');
  const folder = join(virtualbox.folder, 'taken-apart');
  await mkdir(folder);
  await run(['tar', '-xf', path, '-C', folder]);
  const disk = join(folder, `${NAME}-disk001.vmdk`);
  const convert = ['qemu-img', 'convert', '-O', 'vmdk', '-o', 'subformat=streamOptimized'];
  await run([...convert, '-f', 'raw', join(virtualbox.folder, 'disk.raw'), disk]);
  const outputPath = join(virtualbox.folder, 'mended.ova');
  await repairFile({ path: join(folder, `${NAME}.ovf`), outputPath }, quietProgress());
  await virtualbox.manage('import', outputPath, '--vsys', '0', '--vmname', 'again');
  expect((await virtualbox.manage('list', 'vms')).stdout).toContain('"again"');
});
