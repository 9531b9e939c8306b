import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { partitionTable } from '../constructor/steps/partition.ts';
import { parseManifest } from '../manifest/read.ts';
import { run } from '../system/run.ts';
import { STAGES, type StageName } from './events.ts';
import { identifiersFor } from './identifiers.ts';
import { type Plan, planOf } from './plan.ts';
import { readAppliance } from './prepare.ts';
import { RESOLUTION } from './resolution.test-support.ts';

const GIB = 2 ** 30;

async function planned(name: string): Promise<Plan> {
  const path = join(import.meta.dirname, '../../examples', name);
  return planOf(await readAppliance(path), RESOLUTION, 1_760_000_000);
}

function detailsOf(plan: Plan, stage: StageName): string[] {
  const { steps = [] } = plan.stages.find((one) => one.stage === stage) ?? {};
  return steps.flatMap(({ title, details }) => [title, ...details]);
}

describe('a plan', () => {
  test('has the seven stages in order, each with something to do', async () => {
    const plan = await planned('web');
    expect([plan.appliance, plan.version]).toEqual(['web', '1.0.0']);
    expect(plan.stages.map(({ stage, title }) => ({ name: stage, title }))).toEqual(STAGES);
    for (const { steps } of plan.stages) expect(steps.length).toBeGreaterThan(0);
    for (const { details } of plan.stages.flatMap(({ steps }) => steps)) {
      expect(details.length).toBeGreaterThan(0);
    }
  });

  test('says what is fetched, configured, exported and checked', async () => {
    const plan = await planned('web');
    expect(detailsOf(plan, 'media')).toContain(
      '2 packages of http://deb.debian.org/debian trixie: 2 MiB to fetch, 6 MiB installed',
    );
    expect(detailsOf(plan, 'machine')).toContain(
      '1 GiB of memory, 1 processor, an empty disk of 4 GiB',
    );
    expect(detailsOf(plan, 'construct')).toEqual(
      expect.arrayContaining([
        '2 package files, 2 MiB, each compared with its pinned SHA-256',
        'dpkg-deb --extract of the 1 package that maintainer scripts rely on',
        'host name web.example.org, locale C.UTF-8, time zone Europe/Berlin, keyboard de',
        'useradd caretaker, no password, 0 SSH keys, groups adm, sudo: passwordless',
        'install --owner deploy:www-data --mode 0644 /srv/www/index.html',
        'systemctl disable apt-daily.timer',
        'systemctl enable nginx.service',
      ]),
    );
    expect(detailsOf(plan, 'export')).toEqual(
      expect.arrayContaining([
        'Write web-1.0.0.ova',
        'Write web-1.0.0.qcow2',
        'no more than 1 GiB, by the budget (export)',
      ]),
    );
    expect(detailsOf(plan, 'verify')).toEqual(
      expect.arrayContaining(['port 22', 'GET http://localhost/health', 'command: nginx -t']),
    );
  });

  test('names the scripts of an appliance that has some', async () => {
    const construct = detailsOf(await planned('database'), 'construct');
    expect(construct).toContain('chroot ROOT Create the database');
    expect(detailsOf(await planned('web'), 'construct')).not.toContain('Run the scripts');
  });
});

describe('the plan of a manifest with', () => {
  function plannedWith(lines: string): Plan {
    const text = `name: demo\nversion: "1"\n${lines}`;
    const file = parseManifest('appliance.yaml', new TextEncoder().encode(text));
    return planOf({ file, payload: { files: [], scripts: [], keys: [] } }, RESOLUTION, 0);
  }

  test.each(['nat', 'none'])('the network %s builds through NAT all the same', (network) => {
    const details = detailsOf(plannedWith(`machine: { network: ${network} }\n`), 'machine');
    expect(details.slice(-2)).toEqual([
      'firmware bios, network nat: the packages come through it',
      `the exported machine has network ${network}`,
    ]);
  });

  test.each([
    ['trixie', 'http://mirror.example.org/debian'],
    ['forky', 'http://deb.debian.org/debian'],
  ])('the suite %s takes the medium from %s', (suite, origin) => {
    const mirror = 'http://mirror.example.org/debian';
    const plan = plannedWith(`repository: { suite: ${suite}, mirror: "${mirror}" }\n`);
    expect(detailsOf(plan, 'media')).toContain(
      `mmdebstrap of ${origin} trixie, and sqfstar, unless the cache has it`,
    );
  });
});

test('the partitions are those that sfdisk makes', async () => {
  const plan = await planned('web');
  const folder = await mkdtemp(join(tmpdir(), 'pvmc-pipeline-'));
  try {
    const disk = join(folder, 'disk.raw');
    await writeFile(disk, '');
    await truncate(disk, 4 * GIB);
    await run(['sfdisk', '--quiet', disk], { input: partitionTable(identifiersFor('web')) });
    const { stdout } = await run(['sfdisk', '--json', disk]);
    const { partitiontable } = JSON.parse(stdout) as {
      partitiontable: { partitions: { name: string; size: number }[] };
    };
    expect(plan.partitions.map(({ name, sizeBytes }) => ({ name, sizeBytes }))).toEqual(
      partitiontable.partitions.map(({ name, size }) => ({ name, sizeBytes: size * 512 })),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
