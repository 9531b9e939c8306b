/**
 * The table of formats and importers in docs/importers.md: exports a build's disk in all formats and has each
 * program that is installed here take each of them. Nothing is in the table that was not run.
 *
 *     npm run importers -- BUILD [WORK [IMPORTER…]]
 *
 * BUILD is the folder of a build that was made with `--keep always`. WORK keeps the exports and all results:
 * with it a later run, or one of single importers, adds to the table. Machines boot in software: some
 * 15 minutes on two processors, as much again for virt-v2v, and 6 GB.
 */
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Exports, exportAll } from './exports.ts';
import { govcImports } from './govc.ts';
import { type Importer, Trial } from './importer.ts';
import { libvirtBoots } from './libvirt.ts';
import { lint } from './lint.ts';
import { qemuBoot, qemuCheck, qemuCompare } from './qemu.ts';
import { type Result, tables } from './tables.ts';
import { vagrantAdds } from './vagrant.ts';
import { virtV2v } from './virt-v2v.ts';
import { virtualBoxImports } from './virtualbox.ts';

const IMPORTERS: readonly Importer[] = [
  qemuCheck,
  qemuCompare,
  qemuBoot,
  virtualBoxImports,
  vagrantAdds,
  libvirtBoots,
  virtV2v,
  govcImports,
  lint,
];

/** virt-v2v in software takes minutes. */
const ATTEMPT_MILLISECONDS = 20 * 60_000;

const [build, work, ...names] = process.argv.slice(2);
const unknown = names.filter((name) => !IMPORTERS.some((importer) => importer.name === name));
if (build === undefined || unknown.length > 0) {
  console.error('usage: npm run importers -- BUILD [WORK [IMPORTER…]]');
  console.error(`importers: ${IMPORTERS.map(({ name }) => `"${name}"`).join(', ')}`);
  process.exit(2);
}

const aborting = new AbortController();
process.on('SIGINT', () => aborting.abort(new Error('interrupted')));
process.on('SIGTERM', () => aborting.abort(new Error('terminated')));
const folder =
  work === undefined ? await mkdtemp(join(tmpdir(), 'pvmc-importers-')) : resolve(work);
try {
  await mkdir(folder, { recursive: true });
  // Where root runs this, libvirt's machines belong to another user, who has to get at the exports.
  if (work === undefined) await chmod(folder, 0o755);
  const exports = await exportsIn(folder, resolve(build));
  const chosen = IMPORTERS.filter(({ name }) => names.length === 0 || names.includes(name));
  for (const importer of chosen) await runAll(importer, exports);
  const columns = IMPORTERS.map(({ name }) => name);
  console.log(tables(columns, await resultsIn(folder)));
} finally {
  for (const importer of IMPORTERS) await importer.close?.();
  if (work === undefined) await rm(folder, { recursive: true, force: true });
}

/** Those of an earlier run, if there was one here. */
async function exportsIn(place: string, buildFolder: string): Promise<Exports> {
  const list = join(place, 'exports.json');
  const known = await readFile(list, 'utf8').catch(() => undefined);
  if (known !== undefined) return JSON.parse(known);
  const exports = await exportAll(buildFolder, join(place, 'exports'));
  await writeFile(list, JSON.stringify(exports));
  return exports;
}

async function resultsIn(place: string): Promise<readonly Result[]> {
  const known = await readFile(join(place, 'results.json'), 'utf8').catch(() => '[]');
  return JSON.parse(known);
}

async function runAll(importer: Importer, { disk, all }: Exports): Promise<void> {
  const version = await importer.version();
  if (version === undefined) return;
  for (const exported of all) {
    const own = await mkdtemp(join(folder, 'trial-'));
    const signal = AbortSignal.any([aborting.signal, AbortSignal.timeout(ATTEMPT_MILLISECONDS)]);
    const trial = new Trial(disk, own, signal);
    try {
      const attempt = importer.attempt(exported, trial);
      if (attempt === undefined) continue;
      const outcome = await attempt.catch((thrown: unknown) => `failed: ${firstLine(thrown)}`);
      aborting.signal.throwIfAborted();
      const { format } = exported;
      console.error(`${importer.name}, ${format}: ${outcome}`);
      await keep({ format, importer: importer.name, version, outcome, commands: trial.commands });
    } finally {
      await rm(own, { recursive: true, force: true });
    }
  }
}

async function keep(result: Result): Promise<void> {
  const others = (await resultsIn(folder)).filter(
    ({ format, importer }) => format !== result.format || importer !== result.importer,
  );
  await writeFile(join(folder, 'results.json'), JSON.stringify([...others, result], undefined, 1));
}

function firstLine(thrown: unknown): string {
  const details =
    thrown instanceof Error && 'details' in thrown && Array.isArray(thrown.details)
      ? thrown.details.map(String)
      : [];
  const said =
    details.findLast((line) => /error/i.test(line)) ??
    details.findLast((line) => /^[\w-]+: /.test(line));
  const told = thrown instanceof Error ? thrown.message : String(thrown);
  return (said ?? told).split('\n', 1)[0] ?? '';
}
