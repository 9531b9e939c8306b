/**
 * Our export against `qemu-img convert` to streamOptimized: the same raw disk, in turns, each in a process
 * of its own. Ours does more (digests, OVA, the disk made safe with fsync), theirs only converts.
 *
 *     npm run bench -- export [DISK.raw] [REPETITIONS]
 *
 * Without a disk it makes one of 4 GiB with this computer's /usr/bin and /usr/share in it.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportAppliance } from '../src/appliance/export.ts';
import { manifestSchema } from '../src/manifest/schema.ts';
import { quietProgress } from '../src/system/progress.ts';
import { run } from '../src/system/run.ts';

const ONCE = '--once';

interface Measured {
  readonly seconds: number;
  readonly sizeBytes: number;
  readonly peakBytes?: number;
}

const args = process.argv.slice(2);
if (args[0] === ONCE) await exportOnce(args[1] ?? '', args[2] ?? '');
else await compare(args[0], Number(args[1] ?? 3));

async function compare(disk: string | undefined, repetitions: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pvmc-bench-'));
  try {
    const diskPath = disk ?? (await makeDisk(join(folder, 'disk.raw')));
    const ours: Measured[] = [];
    const theirs: Measured[] = [];
    for (let turn = 1; turn <= repetitions; turn += 1) {
      ours.push(await measureOurs(diskPath, join(folder, 'ours')));
      theirs.push(await measureTheirs(diskPath, join(folder, 'theirs.vmdk')));
      console.log(`turn ${turn}: ours ${seconds(ours.at(-1))}, qemu-img ${seconds(theirs.at(-1))}`);
    }
    report(median(ours), median(theirs), Math.max(...ours.map(({ peakBytes }) => peakBytes ?? 0)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
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

async function measureOurs(disk: string, folder: string): Promise<Measured> {
  const began = performance.now();
  const { stdout } = await run([process.execPath, process.argv[1] ?? '', ONCE, disk, folder]);
  const took = performance.now() - began;
  await rm(folder, { recursive: true });
  const told: { readonly sizeBytes: number; readonly peakBytes: number } = JSON.parse(stdout);
  return { seconds: took / 1000, ...told };
}

async function measureTheirs(disk: string, path: string): Promise<Measured> {
  const subformat = ['-O', 'vmdk', '-o', 'subformat=streamOptimized'];
  const began = performance.now();
  await run(['qemu-img', 'convert', '-f', 'raw', ...subformat, disk, path]);
  const took = performance.now() - began;
  const { size } = await stat(path);
  await rm(path);
  return { seconds: took / 1000, sizeBytes: size };
}

/** The process that is measured. */
async function exportOnce(diskPath: string, outputFolder: string): Promise<void> {
  const manifest = manifestSchema.parse({ name: 'bench', version: '1' });
  const [file] = await exportAppliance(
    {
      manifest,
      diskPath,
      diskFormat: 'raw',
      outputFolder,
      baseName: 'bench-1',
      formats: ['ova'],
      sourceDateEpoch: 0,
    },
    quietProgress(),
  );
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  console.log(JSON.stringify({ sizeBytes: file?.sizeBytes, peakBytes }));
}

function report(ours: Measured, theirs: Measured, peakBytes: number): void {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const ratio = (one: number, other: number) => (one / other).toFixed(3);
  console.log(`\nmedians, on ${availableParallelism()} processors`);
  console.log(
    `time  ours ${seconds(ours)}, qemu-img ${seconds(theirs)}, ratio ${ratio(ours.seconds, theirs.seconds)}`,
  );
  console.log(
    `size  ours (the whole OVA) ${megabytes(ours.sizeBytes)}, qemu-img (the VMDK) ${megabytes(theirs.sizeBytes)}, ` +
      `ratio ${ratio(ours.sizeBytes, theirs.sizeBytes)}`,
  );
  console.log(`peak memory of ours, threads included: ${megabytes(peakBytes)}`);
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
