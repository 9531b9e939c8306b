import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Payload } from '../manifest/payload.ts';
import { type Manifest, manifestSchema } from '../manifest/schema.ts';
import { PvmcError } from '../system/error.ts';
import { quietProgress } from '../system/progress.ts';
import { type ResolutionOutcome, resolvePackages } from './resolve.ts';
import { endKey, makeKey, type TinyPackage, TinyRepository } from './tiny-repository.ts';

/** A base system of two, and a few packages to ask for. */
const PACKAGES: readonly TinyPackage[] = [
  { name: 'base', version: '1:2.0-1', fields: { Essential: 'yes', 'Pre-Depends': 'libbase' } },
  { name: 'libbase' },
  { name: 'tools', fields: { Priority: 'required', Depends: 'libbase' } },
  { name: 'web-server', fields: { Depends: 'libweb (>= 2)', Recommends: 'web-docs' } },
  { name: 'libweb', version: '2.1' },
  { name: 'web-docs' },
  { name: 'mailer-a', fields: { Provides: 'mailer' } },
  { name: 'mailer-b', fields: { Provides: 'mailer', Conflicts: 'mailer-a' } },
  { name: 'half', fields: { Depends: 'not-here' } },
];

let repository: TinyRepository;
let scratch: string;
let archive = 0;

beforeAll(async () => {
  repository = await TinyRepository.start();
  scratch = await mkdtemp(join(tmpdir(), 'pvmc-resolve-'));
});

afterAll(async () => {
  await repository.stop();
  await rm(scratch, { recursive: true, force: true });
});

beforeEach(() => {
  repository.intercept = () => false;
  archive += 1;
});

interface Wish {
  readonly packages?: readonly string[];
  readonly repository?: Readonly<Record<string, unknown>>;
  readonly recommends?: boolean;
  readonly extraPackages?: readonly string[];
  readonly services?: Manifest['services'];
  readonly disk?: string;
  readonly files?: Payload['files'];
  readonly keys?: Payload['keys'];
}

function manifestOf(wish: Wish): Manifest {
  return manifestSchema.parse({
    name: 'test',
    version: '1',
    packages: wish.packages ?? [],
    recommends: wish.recommends ?? false,
    services: wish.services ?? {},
    machine: { disk: wish.disk ?? '8 GiB' },
    repository: {
      mirror: repository.url(String(archive)),
      security: false,
      updates: false,
      ...wish.repository,
    },
  });
}

function resolveWish(wish: Wish = {}, progress = quietProgress()): Promise<ResolutionOutcome> {
  const request = {
    manifest: manifestOf(wish),
    payload: { files: wish.files ?? [], scripts: [], keys: wish.keys ?? [] },
    extraPackages: wish.extraPackages ?? [],
    cacheFolder: join(scratch, 'cache'),
    archiveKeyring: repository.key.publicKey,
    timeoutSeconds: 1,
  };
  return resolvePackages(request, progress);
}

/** Publishes this test's own archive. */
function publish(suite: Partial<Parameters<TinyRepository['publish']>[0]> = {}): Promise<void> {
  return repository.publish({
    archive: String(archive),
    suite: 'trixie',
    packages: PACKAGES,
    ...suite,
  });
}

function distFile(path: string): string {
  return join(repository.folder, String(archive), 'dists/trixie', path);
}

async function resolved(wish: Wish = {}) {
  const outcome = await resolveWish(wish);
  if (outcome.kind !== 'resolved') throw new Error(JSON.stringify(outcome.problems));
  return outcome.resolution;
}

async function namesFor(wish: Wish): Promise<string[]> {
  const { packages } = await resolved(wish);
  return packages.map(({ name }) => name).sort();
}

async function failureOf(wish: Wish = {}): Promise<PvmcError> {
  const outcome = await resolveWish(wish).catch((thrown: unknown) => thrown);
  if (!(outcome instanceof PvmcError)) throw new Error(`no failure: ${JSON.stringify(outcome)}`);
  expect(outcome.kind).toBe('repository');
  return outcome;
}

describe('resolvePackages', () => {
  test('names file, size and SHA256 of every package, dependencies first', async () => {
    await publish();
    const { packages, totals } = await resolved();
    expect(packages.map(({ name }) => name)).toEqual(['libbase', 'base', 'tools']);
    const [, base] = packages;
    expect(base).toMatchObject({
      name: 'base',
      version: '1:2.0-1',
      architecture: 'amd64',
      url: `${repository.url(String(archive))}/pool/base_2.0-1_amd64.deb`,
      installedBytes: 100 * 1024,
      batch: 0,
    });
    expect(base?.sha256).toMatch(/^[0-9a-f]{64}$/);
    const downloadBytes = packages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    expect(totals).toEqual({ packageCount: 3, downloadBytes, installedBytes: 300 * 1024 });
  });

  test('adds what the appliance needs and what the manifest asks for, with dependencies', async () => {
    await publish();
    const names = await namesFor({ packages: ['web-server'], extraPackages: ['mailer-a'] });
    expect(names).toEqual(['base', 'libbase', 'libweb', 'mailer-a', 'tools', 'web-server']);
  });

  test('adds recommended packages only when told', async () => {
    await publish();
    expect(await namesFor({ packages: ['web-server'], recommends: true })).toContain('web-docs');
  });
});

test('core failures', async () => {
  await publish();
  await expect(failureOf({ packages: ['half'] })).resolves.toMatchObject({
    code: 'dependencies-unmet',
  });
  const key = await makeKey(join(scratch, 'other-key'));
  await repository.publish({ archive: String(archive), suite: 'trixie', packages: PACKAGES }, key);
  await endKey(key);
  expect(await failureOf()).toMatchObject({ code: 'repository-key-missing' });
  await publish();
  const text = await readFile(distFile('InRelease'), 'utf8');
  await writeFile(distFile('InRelease'), text.replace('Origin: Test', 'Origin: Tast'));
  expect(await failureOf()).toMatchObject({ code: 'repository-signature-invalid' });
});
