import { copyFile, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXPORT_FORMAT_NAMES } from '../manifest/export-formats.ts';
import { quietProgress } from '../system/progress.ts';
import { run } from '../system/run.ts';
import {
  codeOf,
  DISK_BYTES,
  exportTiny,
  makeDisk,
  makeKnownDisk,
  makeManifest,
  temporaryFolder,
} from './testing/fixtures.ts';

let outer: Awaited<ReturnType<typeof temporaryFolder>>;
let disk: string;

beforeAll(async () => {
  outer = await temporaryFolder();
  disk = join(outer.path, 'disk.raw');
  await makeDisk(disk);
});
afterAll(() => outer[Symbol.asyncDispose]());

/** A new, empty place for an export. */
async function freshFolder(name: string): Promise<string> {
  const folder = join(outer.path, name);
  await mkdir(folder);
  return folder;
}

async function output(...argv: readonly string[]): Promise<string> {
  return (await run(argv)).stdout;
}

describe('an OVA', () => {
  let folder: string;
  let ova: string;

  beforeAll(async () => {
    folder = await freshFolder('ova');
    const [file] = await exportTiny({ diskPath: disk, outputFolder: folder });
    ova = file?.path ?? '';
    await run(['tar', 'xf', ova, '-C', folder]);
  });

  it('is a tar of descriptor, manifest and disk, of nobody and of one time', async () => {
    const lines = (await output('tar', '--utc', '--full-time', '-tvf', ova)).split('\n');
    expect(lines.map((line) => line.replace(/ +\d+ 2/, ' N 2'))).toEqual([
      '-rw-r--r-- 0/0 N 2025-10-09 08:53:20 tiny-1.0.ovf',
      '-rw-r--r-- 0/0 N 2025-10-09 08:53:20 tiny-1.0.mf',
      '-rw-r--r-- 0/0 N 2025-10-09 08:53:20 tiny-1.0-disk1.vmdk',
    ]);
  });

  it('is strict ustar and ends with two empty blocks', async () => {
    const bytes = await readFile(ova);
    expect(bytes.toString('latin1', 257, 265)).toBe('ustar\x0000');
    expect(bytes.subarray(-1024).equals(Buffer.alloc(1024))).toBe(true);
    expect(bytes.length % 512).toBe(0);
  });

  it('has the digests that sha256sum finds', async () => {
    const listed = await readFile(join(folder, 'tiny-1.0.mf'), 'utf8');
    const found = await output(
      'sha256sum',
      '--tag',
      join(folder, 'tiny-1.0.ovf'),
      join(folder, 'tiny-1.0-disk1.vmdk'),
    );
    const expected = found.replaceAll(`SHA256 (${folder}/`, 'SHA256(').replaceAll(') = ', ')= ');
    expect(listed).toBe(`${expected}\n`);
  });

  it('holds the disk as it was, in a VMDK without errors', async () => {
    const vmdk = join(folder, 'tiny-1.0-disk1.vmdk');
    expect(await output('qemu-img', 'compare', '-f', 'raw', '-F', 'vmdk', disk, vmdk)).toContain(
      'identical',
    );
    expect(await output('qemu-img', 'check', vmdk)).toContain('No errors');
    const info: { 'virtual-size': number } = JSON.parse(
      await output('qemu-img', 'info', '--output=json', vmdk),
    );
    expect(info['virtual-size']).toBe(DISK_BYTES);
  });

  it('takes no more room than the VMDK of qemu-img', async () => {
    const theirs = join(folder, 'theirs.vmdk');
    await run([
      'qemu-img',
      'convert',
      '-O',
      'vmdk',
      '-o',
      'subformat=streamOptimized',
      disk,
      theirs,
    ]);
    const ours = join(folder, 'tiny-1.0-disk1.vmdk');
    expect((await stat(ours)).size).toBeLessThanOrEqual((await stat(theirs)).size);
  });

  it('has the same bits the second time, and from another format of the same disk', async () => {
    const qcow2 = join(folder, 'disk.qcow2');
    const packed = join(folder, 'packed.qcow2');
    await run(['qemu-img', 'convert', '-O', 'qcow2', disk, qcow2]);
    await run(['qemu-img', 'convert', '-c', '-O', 'qcow2', disk, packed]);
    const bits = await readFile(ova);
    for (const [diskPath, diskFormat] of [
      [disk, 'raw'],
      [qcow2, 'qcow2'],
      [packed, 'qcow2'],
    ] as const) {
      const again = await freshFolder(`again-${diskPath.split('/').at(-1)}`);
      await exportTiny({ diskPath, diskFormat, outputFolder: again });
      const other = await readFile(join(again, 'tiny-1.0.ova'));
      expect(other.equals(bits)).toBe(true);
      expect((await readdir(again)).sort()).toEqual(['tiny-1.0.ova', 'tiny-1.0.ova.sha256']);
    }
  });
});

/** Of `makeKnownDisk`: what it was when exports were first kept. Another digest is another appliance. */
const KNOWN_OVA = '0d7f9f2f4f6336e5a4c24ad82591e7cddc7d1777b3e87dd428aabeeb83bce1f9';

describe('a disk of which every bit is known', () => {
  it('gives the OVA that it always gave, alone and beside other formats', async () => {
    const known = join(outer.path, 'known.raw');
    await makeKnownDisk(known);
    for (const formats of [['ova'], ['raw', 'vmdk', 'ova', 'ovf']] as const) {
      const outputFolder = await freshFolder(`known-${formats.length}`);
      const files = await exportTiny({ diskPath: known, outputFolder, formats });
      expect(files.find(({ format }) => format === 'ova')?.sha256).toBe(KNOWN_OVA);
    }
  });
});

describe('the checksums beside the files', () => {
  it('are what sha256sum -c takes, for each file of each format', async () => {
    const folder = await freshFolder('checksums');
    const formats = EXPORT_FORMAT_NAMES;
    const files = await exportTiny({ diskPath: disk, outputFolder: folder, formats });
    expect(new Set(files.map(({ format }) => format))).toEqual(new Set(formats));
    const all = await readdir(folder, { recursive: true, withFileTypes: true });
    const names = all.filter((entry) => entry.isFile()).map(({ name }) => name);
    expect(names.length).toBe(2 * files.length);
    for (const { path, sha256, sizeBytes } of files) {
      expect((await stat(path)).size).toBe(sizeBytes);
      const checksum = `${basename(path)}.sha256`;
      const said = await run(['sha256sum', '-c', '--strict', checksum], { cwd: dirname(path) });
      expect(said.stdout).toBe(`${basename(path)}: OK`);
      expect(await readFile(`${path}.sha256`, 'utf8')).toBe(`${sha256}  ${basename(path)}\n`);
    }
  });
});

describe('an OVF folder', () => {
  it('is the OVA, unpacked', async () => {
    const folder = await freshFolder('ovf');
    const files = await exportTiny({
      diskPath: disk,
      outputFolder: folder,
      formats: ['ovf', 'ova'],
    });
    const names = ['tiny-1.0.ovf', 'tiny-1.0.mf', 'tiny-1.0-disk1.vmdk'];
    expect(files.map(({ path }) => path.slice(folder.length + 1))).toEqual([
      ...names.map((name) => `tiny-1.0-ovf/${name}`),
      'tiny-1.0.ova',
    ]);
    await run(['tar', 'xf', join(folder, 'tiny-1.0.ova'), '-C', folder]);
    const [descriptor = '', ...others] = names;
    const text = await readFile(join(folder, 'tiny-1.0-ovf', descriptor), 'utf8');
    // In the OVA line feeds may fill it up to its place.
    const packed = await readFile(join(folder, descriptor), 'utf8');
    expect(text.trimEnd()).toBe(packed.trimEnd());
    const [, disk1 = ''] = others;
    await run(['cmp', join(folder, disk1), join(folder, 'tiny-1.0-ovf', disk1)]);
  });

  it('leaves no folder behind when it fails', async () => {
    const folder = await freshFolder('ovf-abort');
    const aborting = new AbortController();
    const progress = { ...quietProgress(aborting.signal), amount: () => aborting.abort() };
    const work = exportTiny({ diskPath: disk, outputFolder: folder, formats: ['ovf'] }, progress);
    await expect(work).rejects.toThrow('abort');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('the other formats', () => {
  it('are the same disk; every file is told with its size and digest', async () => {
    const folder = await freshFolder('formats');
    const amounts: number[] = [];
    const progress = {
      ...quietProgress(),
      amount: ({ done, total }: { done: number; total?: number | undefined }) =>
        amounts.push(done / (total ?? 0)),
    };
    const files = await exportTiny(
      { diskPath: disk, outputFolder: folder, formats: ['raw', 'qcow2', 'vmdk', 'ova', 'raw'] },
      progress,
    );
    expect(files.map(({ format }) => format)).toEqual(['raw', 'qcow2', 'vmdk', 'ova']);
    const names = ['tiny-1.0.ova', 'tiny-1.0.qcow2', 'tiny-1.0.raw', 'tiny-1.0.vmdk'];
    const all = names.flatMap((name) => [name, `${name}.sha256`]);
    expect((await readdir(folder)).sort()).toEqual(all);
    for (const { path, sizeBytes, sha256, format } of files) {
      expect(await output('sha256sum', path)).toBe(`${sha256}  ${path}`);
      expect((await stat(path)).size).toBe(sizeBytes);
      if (format === 'ova') continue;
      const argv = ['qemu-img', 'compare', '-f', 'raw', '-F', format, disk, path];
      expect(await output(...argv)).toContain('identical');
    }
    const raw = await stat(join(folder, 'tiny-1.0.raw'));
    expect(raw.blocks * 512).toBeLessThan(raw.size / 2);
    expect(amounts).toEqual(amounts.toSorted((one, other) => one - other));
    expect(amounts.at(-1)).toBe(1);
  });
});

describe('disk images', () => {
  it('are the same disk in each format that qemu-img reads, and take no more room than its own', async () => {
    const folder = await freshFolder('images');
    const formats = ['qcow2', 'vmdk-sparse', 'vdi', 'vhdx', 'vhd', 'raw-zst'] as const;
    const files = await exportTiny({ diskPath: disk, outputFolder: folder, formats });
    const images = files.map(({ path }) => path);
    const kinds = ['qcow2', 'vmdk', 'vdi', 'vhdx', 'vpc'];
    for (const [index, kind] of kinds.entries()) {
      await run(['qemu-img', 'compare', '-f', 'raw', '-F', kind, disk, images[index] ?? '']);
    }
    const [qcow2 = ''] = images;
    expect(await output('qemu-img', 'check', qcow2)).toContain('No errors');
    const theirs = join(folder, 'theirs.qcow2');
    await run(['qemu-img', 'convert', '-c', '-O', 'qcow2', disk, theirs]);
    expect((await stat(qcow2)).size).toBeLessThanOrEqual((await stat(theirs)).size);
    const zst = images.at(-1) ?? '';
    await run(['zstd', '-d', '-q', '-o', join(folder, 'unpacked'), zst]);
    await run(['cmp', disk, join(folder, 'unpacked')]);
    const again = await freshFolder('images-again');
    const second = await exportTiny({ diskPath: disk, outputFolder: again, formats });
    expect(second.map(({ sha256 }) => sha256)).toEqual(files.map(({ sha256 }) => sha256));
  });
});

describe('blocks that hold nothing', () => {
  const MIB = 2 ** 20;
  const formats = EXPORT_FORMAT_NAMES.filter((name) => name !== 'raw');

  it('reach no export, whether they were never written, zeroed or discarded', async () => {
    const clean = join(outer.path, 'clean.raw');
    const used = join(outer.path, 'used.raw');
    await makeKnownDisk(clean);
    await copyFile(clean, used);
    const noise = join(outer.path, 'noise');
    await run(['dd', 'if=/dev/urandom', `of=${noise}`, 'bs=1M', 'count=4', 'status=none']);
    const write = (from: string, mib: number) =>
      run(['dd', `if=${from}`, `of=${used}`, 'bs=1M', 'count=4', `seek=${mib}`, 'conv=notrunc']);
    // Written and zeroed again, as by detect-zeroes or a guest without discard.
    await write(noise, 28);
    await write('/dev/zero', 28);
    // Written and discarded, as fstrim does it.
    await write(noise, 34);
    await run(['fallocate', '-p', '-o', String(34 * MIB), '-l', String(4 * MIB), used]);
    const request = { formats, sourceDateEpoch: 1_760_000_000 };
    const [before, after] = [await freshFolder('clean'), await freshFolder('used')];
    const expected = await exportTiny({ ...request, diskPath: clean, outputFolder: before });
    const files = await exportTiny({ ...request, diskPath: used, outputFolder: after });
    const told = (all: typeof files) =>
      all.map(({ path, sizeBytes, sha256 }) => [basename(path), sizeBytes, sha256]);
    expect(told(files)).toEqual(told(expected));
  });
});

describe('an export that fails', () => {
  /** A folder with an earlier export in it. */
  async function folderWithEarlier(name: string): Promise<string> {
    const folder = await freshFolder(name);
    await writeFile(join(folder, 'tiny-1.0.ova'), 'earlier');
    return folder;
  }

  async function expectUntouched(folder: string): Promise<void> {
    expect(await readdir(folder)).toEqual(['tiny-1.0.ova']);
    expect(await readFile(join(folder, 'tiny-1.0.ova'), 'utf8')).toBe('earlier');
  }

  it.each(EXPORT_FORMAT_NAMES)(
    'by an abort in the middle of %s leaves all as it was',
    async (format) => {
      const folder = await folderWithEarlier(`abort-${format}`);
      const aborting = new AbortController();
      const progress = {
        ...quietProgress(aborting.signal),
        amount: ({ done, total = 0 }: { done: number; total?: number | undefined }) => {
          if (done > total / 2) aborting.abort(new Error('enough'));
        },
      };
      const request = { diskPath: disk, outputFolder: folder, formats: ['raw', format] } as const;
      const work = exportTiny(request, progress);
      await expect(work).rejects.toThrow('enough');
      await expectUntouched(folder);
    },
  );

  it('by a full file system leaves all as it was', async (context) => {
    if (process.getuid?.() !== 0) context.skip('only root can mount a tmpfs of its own');
    const folder = await freshFolder('full');
    const mounted = await run(['mount', '-t', 'tmpfs', '-o', 'size=400k', 'none', folder], {
      accept: [0, 1, 32],
    });
    if (mounted.status !== 0) context.skip('this root must not mount anything');
    try {
      await writeFile(join(folder, 'tiny-1.0.ova'), 'earlier');
      for (const format of EXPORT_FORMAT_NAMES) {
        const work = exportTiny({ diskPath: disk, outputFolder: folder, formats: [format] });
        expect(await codeOf(work)).toBe('output-full');
        await expectUntouched(folder);
      }
    } finally {
      await run(['umount', folder]);
    }
  });

  it.each([
    ['a folder that is a file', '/dev/null/folder', 'output-not-writable'],
    ['a folder that nobody can make', '/proc/folder', 'output-not-writable'],
  ])('to %s says so', async (_, outputFolder, code) => {
    expect(await codeOf(exportTiny({ diskPath: disk, outputFolder }))).toBe(code);
  });

  it('because of its disk says so', async () => {
    const folder = await freshFolder('no-disk');
    const nothing = join(outer.path, 'nothing.raw');
    await writeFile(nothing, '');
    expect(await codeOf(exportTiny({ diskPath: nothing, outputFolder: folder }))).toBe(
      'disk-empty',
    );
    const missing = exportTiny({ diskPath: `${nothing}.missing`, outputFolder: folder });
    expect(await codeOf(missing)).toBe('program-failed');
    const long = exportTiny({ diskPath: disk, outputFolder: folder, baseName: 'x'.repeat(90) });
    expect(await codeOf(long)).toBe('export-name-too-long');
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('in one bundle and a process of its own', () => {
  let program: string;

  beforeAll(async () => {
    program = join(outer.path, 'export.mjs');
    await build({
      bundle: true,
      platform: 'node',
      target: 'node20.19',
      format: 'esm',
      entryPoints: [join(import.meta.dirname, 'testing', 'export-main.ts')],
      outfile: program,
      external: ['libxml2-wasm'],
      banner: {
        js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
      },
    });
  });

  it('gives the same bits, and takes less than 200 MB for a disk of noise', async () => {
    const noise = join(outer.path, 'noise.raw');
    await copyFile(disk, noise);
    await truncate(noise, 300 * 2 ** 20);
    await run([
      'dd',
      'if=/dev/urandom',
      `of=${noise}`,
      'bs=1M',
      'count=12',
      'seek=200',
      'conv=notrunc',
    ]);
    const there = await freshFolder('bundled');
    const here = await freshFolder('unbundled');
    const said = await output(process.execPath, program, noise, there);
    expect(said).toMatch(/^exported with \d+ KiB$/);
    expect(Number(/\d+/.exec(said)?.[0])).toBeLessThan(200_000_000 / 1024);
    await exportTiny({ diskPath: noise, outputFolder: here });
    const bits = await readFile(join(here, 'tiny-1.0.ova'));
    expect((await readFile(join(there, 'tiny-1.0.ova'))).equals(bits)).toBe(true);
  });

  it('leaves an earlier export alone when a limit on file sizes stops it', async () => {
    const folder = await freshFolder('limit');
    await writeFile(join(folder, 'tiny-1.0.ova'), 'earlier');
    const argv = ['prlimit', '--fsize=300000', process.execPath, program, disk, folder];
    expect(await output(...argv)).toBe('failed with output-too-large');
    expect(await readdir(folder)).toEqual(['tiny-1.0.ova']);
    expect(await readFile(join(folder, 'tiny-1.0.ova'), 'utf8')).toBe('earlier');
  });
});

describe('the descriptor', () => {
  it('is what it was for the same appliance, and another one for another', async () => {
    const folder = await freshFolder('descriptors');
    const texts: string[] = [];
    for (const manifest of [makeManifest(), makeManifest({ machine: { firmware: 'uefi' } })]) {
      await exportTiny({ diskPath: disk, outputFolder: folder, manifest });
      texts.push(await output('tar', '-xOf', join(folder, 'tiny-1.0.ova'), 'tiny-1.0.ovf'));
    }
    expect(texts[0]).not.toContain('efi');
    expect(texts[1]).toContain('vmw:value="efi"');
    expect(texts[1]).toContain('<Firmware type="EFI"/>');
  });
});
