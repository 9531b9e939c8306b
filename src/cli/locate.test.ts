import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../appliance/testing/fixtures.ts';
import { requireFile } from './locate.ts';

test('of a folder, the file in it that can be given is named', async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, 'hello-1.0-proxmox');
  await mkdir(path);
  await writeFile(join(path, 'import.sh'), '');
  await writeFile(join(path, 'hello-1.0.qcow2'), '');
  await expect(requireFile(path, /\.qcow2$/)).rejects.toMatchObject({
    code: 'file-missing',
    message: `${path} is a folder`,
    hint: `Give the path of an appliance, e.g. ${path}/hello-1.0.qcow2.`,
  });
  await expect(requireFile(path)).rejects.toMatchObject({
    hint: 'Give the path of an appliance, e.g. out/hello-1.0.ova.',
  });
  await expect(requireFile(join(path, 'nothing'))).rejects.toThrow('there is no file');
  await requireFile(join(path, 'import.sh'));
});
