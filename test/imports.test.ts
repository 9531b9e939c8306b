/** The order of the folders, which docs/architecture.md explains. */
import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Import, importsOf } from './support/import-graph.ts';
import { repositoryFiles } from './support/repository-files.ts';

/** A folder may import from those in the rows below its own, and within its row if without cycles. */
const ROWS: readonly (readonly string[])[] = [
  ['cli'],
  ['pipeline'],
  ['media', 'verify', 'lint', 'contents', 'appliance', 'constructor', 'repository', 'preflight'],
  ['console', 'hypervisors', 'link', 'manifest'],
  ['system'],
];

/** All that the code in the guest may rely on. */
const GUEST_MAY_IMPORT = [
  /^src\/constructor\//,
  /^src\/link\//,
  /^src\/manifest\/(installation-manifest|input-keys)\.ts$/,
  /^src\/system\//,
];

const sources = repositoryFiles('src').filter(
  (path) => path.endsWith('.ts') && !path.endsWith('.test.ts'),
);
let imports: readonly Import[] = [];

beforeAll(async () => {
  imports = await importsOf(sources);
});

test('every source file stands in a folder that has its row', () => {
  const folders = new Set(sources.map(folderOf));
  expect([...folders].filter((folder) => rowOf(folder) < 0)).toEqual([]);
});

test('imports point downward', () => {
  const upward = imports.filter(({ from, to }) => rowOf(folderOf(to)) < rowOf(folderOf(from)));
  expect(upward.map(arrow)).toEqual([]);
});

test('folders of one row do not import each other in a circle', () => {
  const edges = new Map<string, Set<string>>();
  for (const { from, to } of imports.filter(isOursOnBothEnds)) {
    if (folderOf(from) === folderOf(to)) continue;
    const targets = edges.get(folderOf(from)) ?? new Set();
    edges.set(folderOf(from), targets.add(folderOf(to)));
  }
  const onACircle = [...edges.keys()].filter((folder) => reachable(folder, edges).has(folder));
  expect(onACircle).toEqual([]);
});

describe('the constructor', () => {
  const files = sources.filter((path) => folderOf(path) === 'constructor');

  test('imports only what travels with it', () => {
    const astray = imports.filter(
      ({ from, to }) =>
        folderOf(from) === 'constructor' && !GUEST_MAY_IMPORT.some((allowed) => allowed.test(to)),
    );
    expect(astray.map(arrow)).toEqual([]);
  });

  test('needs no npm package and none of the host program, however indirectly', async () => {
    const { metafile } = await build({
      entryPoints: files,
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      format: 'esm',
      outdir: 'nowhere',
    });
    const reached = Object.keys(metafile.inputs);
    expect(reached).toEqual(expect.arrayContaining(files));
    expect(
      reached.filter((path) => !GUEST_MAY_IMPORT.some((allowed) => allowed.test(path))),
    ).toEqual([]);
  });
});

function folderOf(path: string): string {
  return path.split('/')[1] ?? '';
}

/** 0 is the top; -1 for a folder without a row. */
function rowOf(folder: string): number {
  return ROWS.findIndex((row) => row.includes(folder));
}

function isOursOnBothEnds({ from, to }: Import): boolean {
  return rowOf(folderOf(from)) >= 0 && rowOf(folderOf(to)) >= 0;
}

function reachable(start: string, edges: ReadonlyMap<string, ReadonlySet<string>>): Set<string> {
  const seen = new Set<string>();
  const waiting = [...(edges.get(start) ?? [])];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    if (seen.has(folder)) continue;
    seen.add(folder);
    waiting.push(...(edges.get(folder) ?? []));
  }
  return seen;
}

function arrow({ from, to }: Import): string {
  return `${from} → ${to}`;
}
