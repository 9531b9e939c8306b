import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { beforeEach, expect, test } from 'vitest';
import { quietProgress } from '../system/progress.ts';
import { run } from '../system/run.ts';
import { assembleIso, type IsoOptions } from './iso.ts';
import { BASE_FILES } from './layout.ts';
import { scratchFolder } from './scratch-folder.test-support.ts';

const folder = scratchFolder();

beforeEach(async () => {
  await mkdir(folder.path('base'));
  for (const name of Object.values(BASE_FILES)) {
    const content = name === BASE_FILES.hybridBoot ? Buffer.alloc(512) : Buffer.alloc(9000, name);
    await writeFile(folder.path('base', name), content);
  }
  await mkdir(folder.path('out'));
});

function options(more: Partial<IsoOptions> = {}): IsoOptions {
  return {
    base: { id: 'tiny', folder: folder.path('base') },
    payload: [
      { path: 'pvmc/installation.json', content: '{}' },
      { path: 'pvmc/files/0=a\\b c', content: 'odd name' },
    ],
    outputPath: folder.path('out', 'medium.iso'),
    sourceDateEpoch: 1_700_000_000,
    volumeId: 'PVMC_TEST',
    ...more,
  };
}

const make = (more: Partial<IsoOptions> = {}) => assembleIso(options(more), quietProgress());

async function inspect(...commands: string[]): Promise<string> {
  const { stdout } = await run([
    'xorriso',
    '-indev',
    folder.path('out', 'medium.iso'),
    ...commands,
  ]);
  return stdout;
}

async function sha256(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

test('the same inputs give the same bits', async () => {
  const first = await make();
  const other = await make({ outputPath: folder.path('out', 'other.iso') });
  expect(other).toMatchObject({ mediumId: first.mediumId, sizeBytes: first.sizeBytes });
  expect(await sha256(other.path)).toBe(await sha256(first.path));
});

test('only its owner can read it, over an earlier one that all could', async () => {
  await writeFile(options().outputPath, 'earlier', { mode: 0o644 });
  await make();
  expect((await stat(options().outputPath)).mode & 0o777).toBe(0o600);
});

test('another payload, base or epoch is another medium', async () => {
  const ids = [
    await make(),
    await make({ payload: [{ path: 'pvmc/installation.json', content: '{ }' }] }),
    await make({ base: { id: 'other', folder: folder.path('base') } }),
    await make({ sourceDateEpoch: 1_700_000_001 }),
  ].map(({ mediumId }) => mediumId);
  expect(new Set(ids).size).toBe(ids.length);
});

test('holds the base, the payload and the marks that it is found by', async () => {
  const { mediumId } = await make();
  const listing = await inspect('-find', '/', '-type', 'f');
  for (const path of [
    '/boot/vmlinuz',
    '/boot/initrd',
    '/boot/grub/grub.cfg',
    '/pvmc/system.squashfs',
    '/pvmc/installation.json',
    '/pvmc/files/0=a\\b c',
    `/pvmc/id-${mediumId}`,
  ]) {
    expect(listing).toContain(`'${path}'`);
  }
  await inspect('-osirrox', 'on', '-extract', '/boot/grub/grub.cfg', folder.path('grub.cfg'));
  expect(await readFile(folder.path('grub.cfg'), 'utf8')).toContain(`pvmc.medium=${mediumId} `);
});

test('lists the SHA-256 of all files but the one that xorriso changes, for sha256sum', async () => {
  await make();
  await inspect('-osirrox', 'on', '-extract', '/', folder.path('all'));
  const list = await readFile(folder.path('all', 'pvmc/sha256sums'), 'utf8');
  await run(['sha256sum', '--check', '--strict', 'pvmc/sha256sums'], { cwd: folder.path('all') });
  const onMedium = await readdir(folder.path('all'), { recursive: true, withFileTypes: true });
  const unlisted = onMedium.filter((entry) => entry.isFile() && !list.includes(`/${entry.name}\n`));
  expect(unlisted.map(({ name }) => name).sort()).toEqual([
    'bios.img',
    'boot.catalog',
    'sha256sums',
  ]);
});

test('boots under BIOS and UEFI, from a CD and from a stick', async () => {
  await make();
  const elTorito = await inspect('-report_el_torito', 'plain');
  expect(elTorito).toMatch(/El Torito boot img\s+:\s+1\s+BIOS\s+y\s+none/);
  expect(elTorito).toMatch(/El Torito boot img\s+:\s+2\s+UEFI\s+y\s+none/);
  expect(elTorito).toContain('/boot/grub/bios.img');
  const partitions = await inspect('-report_system_area', 'plain');
  expect(partitions).toMatch(/System area summary:.*MBR.*GPT/);
  expect(partitions).toMatch(/GPT type GUID\s+:\s+2\s+28732ac11ff8d211ba4b00a0c93ec93b/);
});

test('the EFI system partition holds GRUB and how it finds the medium', async () => {
  const { mediumId, path } = await make();
  const line = /Appended2\s.*\s(\d+)\s+(\d+)\s*$/m;
  const partitions = await inspect('-report_system_area', 'plain');
  const [, start, sectors] =
    /^GPT start and size\s+:\s+2\s+(\d+)\s+(\d+)/m.exec(partitions) ?? line.exec(partitions) ?? [];
  const image = `${path}@@${Number(start) * 512}`;
  expect(Number(sectors)).toBeGreaterThan(0);
  const read = async (name: string) =>
    (await run(['mtype', '-i', image, name], { env: { MTOOLS_SKIP_CHECK: '1' } })).stdout;
  expect(await read('::/EFI/BOOT/BOOTX64.EFI')).toContain('bootx64.efi');
  expect(await read('::/EFI/grub.cfg')).toContain(`/pvmc/id-${mediumId}`);
});

test('a failure leaves no file behind, and an earlier medium as it was', async () => {
  await make();
  const before = await sha256(folder.path('out', 'medium.iso'));
  const missing = { path: 'pvmc/files/1', hostPath: folder.path('missing') };
  await expect(make({ payload: [missing] })).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await readdir(folder.path('out'))).toEqual(['medium.iso']);
  expect(await sha256(folder.path('out', 'medium.iso'))).toBe(before);
});

test('an abort in the middle leaves no file behind', async () => {
  const controller = new AbortController();
  await folder.standIn('xorriso', 'echo here; exec sleep 60');
  const progress = {
    ...quietProgress(controller.signal),
    log: () => controller.abort(new Error('enough')),
  };
  await expect(assembleIso(options(), progress)).rejects.toThrow('enough');
  expect(await readdir(folder.path('out'))).toEqual([]);
});
