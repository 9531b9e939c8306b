/** What is left of an import that was called off, with a program that says what VBoxManage would say. */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { quietProgress } from '../../system/progress.ts';
import type { ImportSpecification } from '../importer.ts';
import { dialectOf } from './dialect.ts';
import { VirtualBoxImporter } from './importer.ts';
import { VBoxManage } from './vboxmanage.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Imports until it is called off, while VirtualBox has a machine with these settings. */
async function calledOff(settings: string): Promise<string> {
  const program = join(folder, 'VBoxManage');
  const info = `printf '%s\\n' 'CfgFile="${settings}"' 'UUID="0b5c"' 'VMState="poweroff"'`;
  await writeFile(
    program,
    `#!/bin/sh
cd ${folder}
echo "$*" >>asked
case $1 in
import) exec sleep 60 ;;
showvminfo) [ -e removed ] || exec ${info} ;;
unregistervm) >removed; exit ;;
esac
echo 'VBoxManage: error: code VBOX_E_OBJECT_NOT_FOUND' >&2
exit 1
`,
  );
  await chmod(program, 0o755);
  const specification: ImportSpecification = {
    name: 'tiny',
    folder: join(folder, 'machines/tiny'),
    ovaPath: 'tiny.ova',
    memoryBytes: 2 ** 30,
    cpus: 1,
    firmware: 'bios',
    network: 'none',
    forwardPorts: {},
    unpackDisk: () => Promise.resolve(),
  };
  const importer = new VirtualBoxImporter(new VBoxManage(program), dialectOf('7.2.0r1'));
  const place = { open: () => Promise.resolve() };
  const progress = quietProgress(AbortSignal.timeout(300));
  await expect(importer.import(specification, place, progress)).rejects.toThrow();
  return readFile(join(folder, 'asked'), 'utf8');
}

it('is removed, by its own number', async () => {
  const machine = join(folder, 'machines/tiny');
  await mkdir(machine, { recursive: true });
  expect(await calledOff(join(machine, 'tiny.vbox'))).toContain('unregistervm 0b5c --delete');
});

it('is not somebody else’s machine that has got the same name meanwhile', async () => {
  expect(await calledOff('/elsewhere/tiny/tiny.vbox')).not.toContain('unregistervm');
});
