import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { inputsDigest, type StageKeys, stageKeys } from './keys.ts';
import { planMedium } from './media-stage.ts';
import { readAppliance } from './prepare.ts';
import { RESOLUTION } from './resolution.test-support.ts';

const MANIFEST = [
  'name: tiny',
  'version: "1.0"',
  'description: a first one',
  'machine: { memory: 1 GiB, disk: 8 GiB }',
  'scripts: [{ name: one, run: "echo one" }]',
  'files: [{ path: /etc/motd, source: motd }]',
  'checks: [{ command: "true" }]',
];

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-keys-'));
  await writeFile(join(folder, 'motd'), 'hello\n');
  await writeFile(join(folder, 'constructor.js'), '// the guest’s bundle\n');
});

afterEach(() => rm(folder, { recursive: true }));

interface Change {
  readonly from?: string;
  readonly to?: string;
  readonly resolution?: typeof RESOLUTION;
  readonly baseId?: string;
  readonly hypervisor?: string;
  readonly signedBy?: string;
}

/** The keys of the manifest with one thing changed. */
async function keys(change: Change = {}): Promise<StageKeys> {
  const { from = '', to = '', resolution = RESOLUTION } = change;
  const { baseId = 'base', hypervisor = 'qemu', signedBy } = change;
  const text = MANIFEST.join('\n').replace(from, to);
  if (from !== '') expect(text).not.toBe(MANIFEST.join('\n'));
  await writeFile(join(folder, 'appliance.yaml'), `${text}\n`);
  const appliance = await readAppliance(folder);
  const settings = { cacheFolder: folder, sourceDateEpoch: 1_760_000_000 };
  const { installation, files, volumeId } = planMedium(appliance, resolution, settings);
  const mediumFiles = files.map((file) =>
    file.path.endsWith('/constructor.js')
      ? { path: file.path, hostPath: join(folder, 'constructor.js') }
      : file,
  );
  const { signal } = new AbortController();
  return stageKeys({ baseId, hypervisor, volumeId, installation, mediumFiles, signedBy, signal });
}

/** The stages that have to be done again after a change. */
async function changed(change: Change): Promise<string[]> {
  const [before, after] = [await keys(), await keys(change)];
  const stages = ['media', 'install', 'construct', 'export'] as const;
  return stages.filter((stage) => before[stage] !== after[stage]);
}

describe('what has to be done again', () => {
  test('after no change: nothing', async () => {
    expect(await changed({})).toEqual([]);
  });

  test.each([
    ['the description', 'a first one', 'a second one', ['media', 'export']],
    ['the memory', '1 GiB', '2 GiB', ['media', 'export']],
    ['a check', '"true"', '"false"', ['media']],
    ['a script', 'echo one', 'echo two', ['media', 'construct', 'export']],
    ['the version', '"1.0"', '"1.1"', ['media', 'construct', 'export']],
    ['the firmware', 'memory:', 'firmware: uefi, memory:', ['media', 'export']],
    ['a file’s mode', '/etc/motd', '/etc/motd, mode: "0600"', ['media', 'construct', 'export']],
    ['the disk', '8 GiB', '9 GiB', ['media', 'install', 'construct', 'export']],
  ])('after a change of %s', async (...[, from, to, stages]) => {
    expect(await changed({ from, to })).toEqual(stages);
  });

  test('after a change of what importers call a property: the exports, and nothing of the disk', async () => {
    const labelled = (label: string) =>
      `description: a first one\nproperties: [{ name: hostname, label: ${label} }]`;
    const from = 'description: a first one';
    const before = await keys({ from, to: labelled('Name') });
    const after = await keys({ from, to: labelled('Host') });
    expect(after.construct).toBe(before.construct);
    expect(after.export).not.toBe(before.export);
  });

  test('signed by another certificate: the exports, and nothing of the medium', async () => {
    await writeFile(join(folder, 'vendor.pem'), 'any');
    const to = 'description: a first one\nsignature: { certificate: vendor.pem, key: /k }';
    expect(await changed({ from: 'description: a first one', to })).toEqual([]);
    expect(await changed({ signedBy: 'AB:CD' })).toEqual(['export']);
  });

  test('in another hypervisor: the construction', async () => {
    expect(await changed({ hypervisor: 'virtualbox' })).toEqual(['construct', 'export']);
  });

  test('after a change of a file beside the manifest, or of the constructor', async () => {
    const before = await keys();
    await writeFile(join(folder, 'motd'), 'goodbye\n');
    const later = await keys();
    expect(later.construct).not.toBe(before.construct);
    expect(later.install).toBe(before.install);
    await writeFile(join(folder, 'constructor.js'), '// another\n');
    expect((await keys()).install).not.toBe(before.install);
  });

  test('after a change of a package, or of the medium’s system: everything', async () => {
    const all = ['media', 'install', 'construct', 'export'];
    const [first, ...others] = RESOLUTION.packages;
    const packages = first ? [{ ...first, sha256: 'f'.repeat(64) }, ...others] : [];
    expect(await changed({ resolution: { ...RESOLUTION, packages } })).toEqual(all);
    expect(await changed({ baseId: 'another' })).toEqual(all);
  });
});

test('the inputs are the manifest and what lies beside it', async () => {
  const { signal } = new AbortController();
  const digest = async () => inputsDigest(await readAppliance(folder), signal);
  await keys();
  const before = await digest();
  expect(await digest()).toBe(before);
  await writeFile(join(folder, 'motd'), 'goodbye\n');
  expect(await digest()).not.toBe(before);
});
