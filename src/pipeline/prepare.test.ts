import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Resolution } from '../repository/resolve.ts';
import { installationManifest, mediumFiles, readAppliance } from './prepare.ts';
import { RESOLUTION } from './resolution.test-support.ts';
import { PVMC_VERSION } from './version.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples');
const EPOCH = 1_760_000_000;

const example = (name: string) => readAppliance(join(EXAMPLES, name));

describe('the installation manifest', () => {
  test('has everything resolved', async () => {
    const appliance = await example('web');
    const { manifest } = appliance.file;
    const installation = installationManifest(appliance, RESOLUTION, EPOCH);
    const { files, scripts, identifiers: _own, ...rest } = installation;
    expect(rest).toEqual({
      version: 1,
      pvmc: PVMC_VERSION,
      appliance: { ...manifest, budget: undefined },
      sourceDateEpoch: EPOCH,
      packages: RESOLUTION.packages,
      aptSources: {
        text: 'Types: deb\n',
        keyrings: [{ path: '/etc/apt/keyrings/extra-1.asc', payload: 'keyrings/0' }],
      },
    });
    expect(files).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ path: '/srv/www/index.html', owner: 'deploy:www-data' }),
        expect.objectContaining({
          path: '/etc/ssh/sshd_config.d/keys-only.conf',
          owner: 'root:root',
          mode: '0600',
        }),
      ]),
    );
    expect(files.map(({ payload }) => payload)).toEqual(files.map((_, index) => `files/${index}`));
    expect(scripts).toEqual([]);
  });

  test('travels as JSON without a loss', async () => {
    for (const name of ['hello', 'web', 'database']) {
      const installation = installationManifest(await example(name), RESOLUTION, EPOCH);
      const travelled: unknown = JSON.parse(JSON.stringify(installation));
      expect(travelled).toEqual(installation);
    }
  });

  test('gives the same appliance the same identifiers, and another one others', async () => {
    const hello = await example('hello');
    const identifiers = (changes: Partial<Resolution> = {}, appliance = hello) =>
      installationManifest(appliance, { ...RESOLUTION, ...changes }, EPOCH).identifiers;
    expect(identifiers()).toEqual(identifiers());
    const updated = { packages: RESOLUTION.packages.slice(1) };
    const all = [identifiers(), identifiers(updated), identifiers({}, await example('web'))];
    expect(new Set(all.map(({ rootUuid }) => rootUuid)).size).toBe(3);
    expect(new Set(all.map(({ diskGuid }) => diskGuid)).size).toBe(3);
  });
});

describe('what a medium carries', () => {
  test('is all that the installation manifest names, each thing once', async () => {
    for (const name of ['hello', 'web', 'database']) {
      const appliance = await example(name);
      const installation = installationManifest(appliance, RESOLUTION, EPOCH);
      const contents = { installation, constructorPath: '/somewhere/constructor.js' };
      const paths = mediumFiles(appliance, RESOLUTION, contents).map(({ path }) => path);
      const { files, scripts, aptSources } = installation;
      const named = [...files, ...scripts, ...aptSources.keyrings].map(({ payload }) => payload);
      expect(paths.sort()).toEqual(
        ['constructor.js', 'installation.json', ...named].map((path) => `pvmc/${path}`).sort(),
      );
    }
  });

  test('has the contents that the manifest has, and those that lie beside it', async () => {
    const appliance = await example('database');
    const installation = installationManifest(appliance, RESOLUTION, EPOCH);
    const contents = { installation, constructorPath: '/somewhere/constructor.js' };
    const files = mediumFiles(appliance, RESOLUTION, contents);
    const contentOf = (path: string) => files.find((file) => file.path === path);
    expect(contentOf('pvmc/constructor.js')).toEqual({
      path: 'pvmc/constructor.js',
      hostPath: '/somewhere/constructor.js',
    });
    expect(contentOf('pvmc/keyrings/0')).toEqual({ path: 'pvmc/keyrings/0', content: 'a key\n' });
    const script = contentOf('pvmc/scripts/0');
    expect(script && 'hostPath' in script && relative(EXAMPLES, script.hostPath)).toBe(
      'database/create-database.sh',
    );
    const written = contentOf('pvmc/installation.json');
    const text = written && 'content' in written ? String(written.content) : '';
    expect(JSON.parse(text)).toEqual(installation);
  });
});

test('an appliance whose files are not there is refused with all of them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pvmc-pipeline-'));
  try {
    await mkdir(join(folder, 'site'));
    const lines = [
      'name: tiny',
      'version: "1.0"',
      'files:',
      '  - { path: /srv/one, source: one }',
      '  - { path: /srv/two, source: two }',
    ];
    await writeFile(join(folder, 'appliance.yaml'), `${lines.join('\n')}\n`);
    const failure = await readAppliance(folder).catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ kind: 'manifest', code: 'manifest-invalid' });
    expect(failure).toHaveProperty('problems.length', 2);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
