/**
 * Our exports against what others need for one file of the same disk, in turns, each in a process of its own:
 * `qemu-img convert` and `VBoxManage clonemedium` to streamOptimized. Ours do more (digests, OVA, the disk made
 * safe with fsync). Then an empty disk of 10 and of 100 GiB, which should cost the same.
 *
 *     npm run bench -- export [DISK.raw] [REPETITIONS]
 *
 * Without a disk it makes one of 4 GiB with this computer's /usr/bin and /usr/share in it. VirtualBox is left
 * out where there is no VBoxManage.
 */
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportAppliance } from '../src/appliance/export.ts';
import { findVBoxManage } from '../src/hypervisors/virtualbox/locate.ts';
import { EXPORT_FORMAT_NAMES, type ExportFormat } from '../src/manifest/export-formats.ts';
import { manifestSchema } from '../src/manifest/schema.ts';
import { quietProgress } from '../src/system/progress.ts';
import { run } from '../src/system/run.ts';

const ONCE = '--once';
const GIB = 2 ** 30;
const QEMU = 'qemu-img convert';
const VIRTUALBOX = 'VBoxManage clonemedium';
const NAME_WIDTH = 36;

interface Measured {
  readonly seconds: number;
  /** Of all files together. */
  readonly sizeBytes: number;
  readonly peakBytes?: number;
}

interface Contestant {
  readonly name: string;
  readonly measure: () => Promise<Measured>;
}

const args = process.argv.slice(2);
if (args[0] === ONCE) await exportOnce(args[1] ?? '', args[2] ?? '', args.slice(3));
else await compare(args[0], Number(args[1] ?? 3));

async function compare(disk: string | undefined, repetitions: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pvmc-bench-'));
  try {
    const contestants = await contestantsFor(
      disk ?? (await makeDisk(join(folder, 'disk.raw'))),
      folder,
    );
    const results = new Map<Contestant, Measured[]>(contestants.map((one) => [one, []]));
    for (let turn = 1; turn <= repetitions; turn += 1) {
      console.log(`turn ${turn}`);
      for (const [one, measured] of results) {
        measured.push(await one.measure());
        console.log(`  ${one.name.padEnd(NAME_WIDTH)} ${seconds(measured.at(-1))}`);
      }
    }
    report(
      contestants.map(({ name }, index) => [name, median([...results.values()][index] ?? [])]),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function contestantsFor(disk: string, folder: string): Promise<readonly Contestant[]> {
  const ours = (name: string, path: string, formats: readonly ExportFormat[]) => ({
    name,
    measure: () => measureOurs(path, join(folder, 'ours'), formats),
  });
  const emptyDisks = [10, 100].map(async (gib) => {
    const path = join(folder, `empty-${gib}.raw`);
    await makeEmptyDisk(path, gib * GIB);
    return ours(`pvmc: ova of an empty disk, ${gib} GiB`, path, ['ova']);
  });
  return [
    { name: QEMU, measure: () => measureQemu(disk, join(folder, 'theirs.vmdk')) },
    ...(await virtualBox(disk, folder)),
    ours('pvmc: ova', disk, ['ova']),
    ours('pvmc: qcow2', disk, ['qcow2']),
    ours(`pvmc: all ${EXPORT_FORMAT_NAMES.length} formats`, disk, EXPORT_FORMAT_NAMES),
    ...(await Promise.all(emptyDisks)),
  ];
}

/** It clones no raw disk, so it gets ours as VDI, which takes no part in the time. */
async function virtualBox(disk: string, folder: string): Promise<readonly Contestant[]> {
  const program = await findVBoxManage().catch(() => undefined);
  if (program === undefined) {
    console.log(`${VIRTUALBOX}: left out, there is no VBoxManage`);
    return [];
  }
  const source = join(folder, 'vdi');
  await exportElsewhere(disk, source, ['vdi']);
  const vdi = join(source, 'bench-1.vdi');
  return [
    {
      name: VIRTUALBOX,
      measure: () => measureVirtualBox(program, vdi, join(folder, 'clone.vmdk')),
    },
  ];
}

async function makeDisk(path: string): Promise<string> {
  const tree = `${path}.tree`;
  // mke2fs takes one folder only.
  await run(['mkdir', tree]);
  await run(['cp', '-a', '/usr/bin', '/usr/share', tree]);
  await run(['mke2fs', '-q', '-t', 'ext4', '-d', tree, path, '4g']);
  await run(['rm', '-r', tree]);
  await run(['sync', path]);
  return path;
}

async function makeEmptyDisk(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.truncate(sizeBytes);
  } finally {
    await file.close();
  }
}

async function measureOurs(
  disk: string,
  folder: string,
  formats: readonly ExportFormat[],
): Promise<Measured> {
  const measured = await exportElsewhere(disk, folder, formats);
  await rm(folder, { recursive: true });
  return measured;
}

/** In a process of its own. */
async function exportElsewhere(
  disk: string,
  folder: string,
  formats: readonly ExportFormat[],
): Promise<Measured> {
  const began = performance.now();
  const { stdout } = await run([
    process.execPath,
    process.argv[1] ?? '',
    ONCE,
    disk,
    folder,
    ...formats,
  ]);
  const took = performance.now() - began;
  const told: { readonly sizeBytes: number; readonly peakBytes: number } = JSON.parse(stdout);
  return { seconds: took / 1000, ...told };
}

async function measureQemu(disk: string, path: string): Promise<Measured> {
  const subformat = ['-O', 'vmdk', '-o', 'subformat=streamOptimized'];
  const began = performance.now();
  await run(['qemu-img', 'convert', '-f', 'raw', ...subformat, disk, path]);
  const took = performance.now() - began;
  const { size } = await stat(path);
  await rm(path);
  return { seconds: took / 1000, sizeBytes: size };
}

async function measureVirtualBox(program: string, vdi: string, path: string): Promise<Measured> {
  const target = [path, '--format', 'VMDK', '--variant', 'Stream'];
  const began = performance.now();
  await run([program, 'clonemedium', 'disk', vdi, ...target]);
  const took = performance.now() - began;
  const { size } = await stat(path);
  for (const medium of [path, vdi]) await run([program, 'closemedium', 'disk', medium]);
  await rm(path);
  return { seconds: took / 1000, sizeBytes: size };
}

/** The process that is measured. */
async function exportOnce(
  diskPath: string,
  outputFolder: string,
  formats: readonly string[],
): Promise<void> {
  const manifest = manifestSchema.parse({ name: 'bench', version: '1', exports: formats });
  const files = await exportAppliance(
    {
      manifest,
      diskPath,
      diskFormat: 'raw',
      outputFolder,
      baseName: 'bench-1',
      formats: manifest.exports,
      sourceDateEpoch: 0,
    },
    quietProgress(),
  );
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  console.log(JSON.stringify({ sizeBytes, peakBytes }));
}

function report(medians: readonly (readonly [string, Measured])[]): void {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const ratioTo = (other: string, { seconds: took }: Measured) => {
    const reference = medians.find(([name]) => name === other)?.[1].seconds;
    return (reference === undefined ? '' : (took / reference).toFixed(2)).padStart(13);
  };
  console.log(`\nmedians, on ${availableParallelism()} processors`);
  console.log(
    `${''.padEnd(NAME_WIDTH)}    time  to qemu-img to clonemedium       size  peak memory (threads included)`,
  );
  for (const [name, measured] of medians) {
    const { sizeBytes, peakBytes } = measured;
    const time = seconds(measured).padStart(8);
    const ratios = `${ratioTo(QEMU, measured)} ${ratioTo(VIRTUALBOX, measured)}`;
    const size = megabytes(sizeBytes).padStart(12);
    const memory = peakBytes === undefined ? '' : `  ${megabytes(peakBytes)}`;
    console.log(`${name.padEnd(NAME_WIDTH)}${time}${ratios}${size}${memory}`);
  }
}

function seconds(measured: Measured | undefined): string {
  return `${(measured?.seconds ?? 0).toFixed(1)} s`;
}

function median(all: readonly Measured[]): Measured {
  const sorted = all.toSorted((one, other) => one.seconds - other.seconds);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (!middle) throw new RangeError('nothing was measured');
  return middle;
}
