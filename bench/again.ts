/**
 * What a second build costs against the first one, in one run:
 *
 *     npm run bench -- again [MANIFEST]
 *
 * The manifest is built once from nothing but the medium's cached system, then again: unchanged, with
 * another description, with a script more. Verify is left out, since it is the same for all.
 */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Document, parseDocument } from 'yaml';
import { buildAppliance } from '../src/pipeline/build.ts';
import type { BuildResult } from '../src/pipeline/events.ts';
import { buildIso } from '../src/pipeline/iso.ts';
import { readAppliance } from '../src/pipeline/prepare.ts';

const [given = 'examples/hello'] = process.argv.slice(2);
const signal = new AbortController().signal;

const work = await mkdtemp(join(tmpdir(), 'pvmc-bench-'));
try {
  await compare();
} finally {
  await rm(work, { recursive: true, force: true });
}

async function compare(): Promise<void> {
  const { path, folder } = (await readAppliance(given)).file;
  await cp(folder, join(work, 'source'), { recursive: true });
  const manifest = join(work, 'source', basename(path));
  await buildIso({ manifestPath: manifest, outputFolder: join(work, 'iso') }, () => {}, signal);
  const first = await build(manifest);
  report('the first build', first, first);
  report('unchanged', await build(manifest), first);
  await edit(manifest, (document) => document.set('description', 'Another description'));
  report('another description', await build(manifest), first);
  await edit(manifest, (document) => {
    const scripts = document.get('scripts') === undefined ? [] : document.toJS().scripts;
    document.set('scripts', [...scripts, { name: 'One more', run: 'true\n' }]);
  });
  report('another script', await build(manifest), first);
}

function build(manifestPath: string): Promise<BuildResult> {
  const options = { manifestPath, outputFolder: join(work, 'out'), verify: false, timeouts: {} };
  const hypervisor = 'qemu';
  return buildAppliance(
    { ...options, hypervisor, keep: 'latest', reuse: 'same' },
    () => {},
    signal,
  );
}

async function edit(path: string, change: (document: Document) => void): Promise<void> {
  const document = parseDocument(await readFile(path, 'utf8'));
  change(document);
  await writeFile(path, document.toString());
}

function report(what: string, { seconds, stageSeconds }: BuildResult, first: BuildResult): void {
  const done = Object.keys(stageSeconds).join(', ');
  const ratio = (seconds / first.seconds).toFixed(3);
  console.log(`${what.padEnd(22)}${seconds.toFixed(1).padStart(7)} s${ratio.padStart(8)}  ${done}`);
}
