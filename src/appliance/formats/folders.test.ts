/** The formats that are a folder: a disk, and the script that makes a machine of it. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../system/run.ts';
import { exportTiny, makeDisk, makeManifest, temporaryFolder } from '../testing/fixtures.ts';
import { FORMATS } from './formats.ts';
import { hyperVScript } from './hyper-v-script.ts';
import { proxmoxScript } from './proxmox-script.ts';

let outer: Awaited<ReturnType<typeof temporaryFolder>>;
let disk: string;

beforeAll(async () => {
  outer = await temporaryFolder();
  disk = join(outer.path, 'disk.raw');
  await makeDisk(disk);
});
afterAll(() => outer[Symbol.asyncDispose]());

const FOLDERS = [
  {
    format: 'proxmox',
    script: 'import.sh',
    image: 'tiny-1.0.qcow2',
    kind: 'qcow2',
    mode: 0o755,
    text: proxmoxScript,
  },
  {
    format: 'hyper-v',
    script: 'Import-Appliance.ps1',
    image: 'tiny-1.0.vhdx',
    kind: 'vhdx',
    mode: 0o644,
    text: hyperVScript,
  },
] as const;

describe.each(FOLDERS)('the folder for $format', ({ format, script, image, kind, mode, text }) => {
  test('holds the disk, the script that names it, and their digests', async () => {
    const outputFolder = join(outer.path, format);
    const files = await exportTiny({ diskPath: disk, outputFolder, formats: [format] });
    const folder = join(outputFolder, `tiny-1.0-${format}`);
    expect(files.map(({ path }) => path)).toEqual([join(folder, script), join(folder, image)]);
    expect((await readdir(folder)).toSorted()).toEqual(
      [script, image, `${script}.sha256`, `${image}.sha256`].toSorted(),
    );
    expect(await readFile(join(folder, script), 'utf8')).toBe(text(makeManifest(), image));
    expect((await stat(join(folder, script))).mode & 0o777).toBe(mode);
    await run(['qemu-img', 'compare', '-f', 'raw', '-F', kind, disk, join(folder, image)]);
    for (const name of [script, image]) {
      await run(['sha256sum', '-c', `${name}.sha256`], { cwd: folder });
    }
  });

  test('has the same bits twice, and its disk is that of the format for the disk alone', async () => {
    const outputFolder = join(outer.path, `${format}-again`);
    const request = { diskPath: disk, outputFolder, formats: [format, kind] } as const;
    const again = await exportTiny(request);
    const first = join(outer.path, format, `tiny-1.0-${format}`);
    for (const { path, sha256 } of again.filter((file) => file.format === format)) {
      const before = await readFile(`${path.replace(outputFolder, join(first, '..'))}.sha256`);
      expect(before.toString()).toContain(sha256);
    }
    const images = again.filter(({ path }) => path.endsWith(`/${image}`));
    expect(images).toHaveLength(2);
    expect(images[0]?.sha256).toBe(images[1]?.sha256);
  });

  test('gives stage 7 its disk', () => {
    const { proof } = FORMATS[format];
    expect(proof).toMatchObject({ type: 'disk', qemuFormat: kind });
    if (proof.type === 'disk') {
      expect(proof.fileName('tiny-1.0')).toBe(`tiny-1.0-${format}/${image}`);
    }
  });
});
