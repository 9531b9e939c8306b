/**
 * What users say when they import an appliance reaches it: by the disc of an OVF environment, and by a seed
 * disk that somebody has made by hand; without either it is as its manifest says. The appliance is
 * examples/welcome under the name of examples/hello: both have the same packages, and so it is built from the
 * checkpoint that the build of hello has left.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { helloBuild, saidOf, stepsOf } from '../support/hello-build.ts';
import { PvmcProcess, processesNaming } from '../support/pvmc-process.ts';
import { ROOT } from '../support/repository-files.ts';

const run = promisify(execFile);

let work: string;
let ova: string;

beforeAll(async () => {
  const hello = await helloBuild();
  work = await mkdtemp(join(tmpdir(), 'pvmc-properties-'));
  const manifest = join(work, 'manifest');
  await cp(join(ROOT, 'examples/welcome'), manifest, { recursive: true });
  const path = join(manifest, 'appliance.yaml');
  const text = (await readFile(path, 'utf8')).replace('name: welcome', 'name: hello');
  const builders = `  - name: admin\n    ssh-keys: ['${await makeKey('builder')}']\n`;
  await writeFile(path, text.replace('  - name: admin\n', builders));
  const output = join(work, 'out');
  await run('cp', ['-al', hello.folder, output]);
  const ended = await new PvmcProcess(['build', manifest, '-o', output, '--no-verify']).ended;
  expect(saidOf(ended, 'build-failed')).toBeUndefined();
  expect(stepsOf(ended)).not.toContain('install');
  ova = join(output, 'hello-1.0.0.ova');
});

afterEach(async () => {
  for (const name of ['given', 'plain']) await run(join(work, name, 'stop')).catch(() => {});
  expect(processesNaming(work)).toEqual([]);
});

afterAll(() => rm(work, { recursive: true, force: true }));

test('a disc and a seed disk together make it another machine', async () => {
  const key = await makeKey('ada');
  const given = ['hostname=ada-1', 'colour=wheat', 'owner=Eve', `ssh-key=${key}`];
  const machine = await importAs('given', given);
  const seed = await seedDisk('# mine\nowner="Ada & Söhne"\npassword=not a secret\n');
  await machine.start(seed);
  expect(await machine.page()).toContain('the page of Ada &amp; Söhne.');

  const script = [
    'cat /etc/hostname /proc/sys/kernel/hostname /var/lib/pvmc/personalisation',
    'id -un; grep -c wheat /var/www/html/index.html; test -e /var/lib/pvmc/personalised && echo done',
    'systemctl is-active pvmc-personalise; stat -c %a /etc/pvmc/properties.env',
  ];
  const stdout = await machine.ssh('ada', script.join('; '));
  expect(stdout.split('\n')).toEqual([
    'ada-1',
    'ada-1',
    '# What became of the properties of this appliance. Passwords are not here.',
    'colour: given by the disc /dev/sr0',
    'hostname: is ada-1',
    'owner: given by the seed disk /dev/vdb',
    'password: of admin is set',
    'ssh-key: may log in as admin: ada',
    'admin',
    '1',
    'done',
    'active',
    '600',
    '',
  ]);
  const console = await machine.console();
  expect(console).toContain('personalise: the host name is ada-1\r');
  expect(console).toMatch(/ada-1 login:/);
  expect(console).not.toContain('not a secret');
  expect(await machine.ssh('builder', 'stat -c "%a %U" .ssh/authorized_keys')).toBe('600 admin\n');
});

test('without any it is as its manifest says, and the next boot takes a seed disk', async () => {
  const machine = await importAs('plain', []);
  await machine.start();
  expect(await machine.page()).toContain('the page of nobody.');
  expect(await machine.console()).toMatch(/hello login:/);
  expect(await machine.console()).not.toContain('personalise:');
  await machine.stop();

  const wrong = 'hostname=-wrong-\naddress=10.0.2.15/24\ngateway=10.0.2.2\nowner=Bo\n';
  await machine.start(await seedDisk(wrong));
  expect(await machine.page()).toContain('the page of Bo.');
  const console = await machine.console();
  expect(console).toContain(
    'personalise: hostname from the seed disk /dev/vdb is refused: it is not a host name\r',
  );
  expect(console).toContain('personalise: the network is 10.0.2.15/24, gateway 10.0.2.2\r');
  expect(console).toMatch(/hello login:/);
});

interface Machine {
  /** Guest port → ours. */
  readonly ports: Readonly<Record<number, number>>;
  start(seed?: string): Promise<void>;
  stop(): Promise<void>;
  page(): Promise<string | undefined>;
  console(): Promise<string>;
  /** What a command says to admin, who has this key. */
  ssh(key: string, command: string): Promise<string>;
}

async function importAs(name: string, given: readonly string[]): Promise<Machine> {
  const argv = ['import', ova, '--folder', work, '--name', name];
  const forwards = ['--forward', '22', '--forward', '80'];
  const properties = given.flatMap((one) => ['--property', one]);
  const imported = saidOf(
    await new PvmcProcess([...argv, ...forwards, ...properties]).ended,
    'imported',
  );
  expect(imported).toMatchObject({ state: 'off', name });
  const folder = join(work, name);
  const ports = imported?.['forwardPorts'] as Readonly<Record<number, number>>;
  const console = () => readFile(join(folder, 'console.log'), 'latin1');
  return {
    ports,
    start: async (seed) => {
      const drive = seed === undefined ? [] : ['-drive', `if=virtio,format=raw,file=${seed}`];
      await run(join(folder, 'start'), ['background', ...drive]);
    },
    stop: async () => void (await run(join(folder, 'stop'))),
    page: async () => {
      const text = await until(() => page(ports[80]));
      // The login comes last.
      await until(async () => ((await console()).includes(' login:') ? true : undefined));
      return text;
    },
    console,
    ssh: async (key, command) => {
      const trust = ['StrictHostKeyChecking=no', `UserKnownHostsFile=${join(work, 'hosts')}`];
      const options = ['BatchMode=yes', 'IdentitiesOnly=yes', ...trust].flatMap((one) => [
        '-o',
        one,
      ]);
      const who = ['-i', join(work, key), '-p', String(ports[22]), 'admin@127.0.0.1'];
      return (await run('ssh', [...options, ...who, command])).stdout;
    },
  };
}

/** Returns the public half; the private one has the name in our folder. */
async function makeKey(name: string): Promise<string> {
  const path = join(work, name);
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path]);
  return (await readFile(`${path}.pub`, 'utf8')).trim();
}

/** By hand, as docs/properties.md says. */
async function seedDisk(text: string): Promise<string> {
  const folder = await mkdtemp(join(work, 'seed-'));
  const lines = join(folder, 'properties.txt');
  await writeFile(lines, text);
  const seed = join(folder, 'seed.img');
  await run('mkfs.vfat', ['-C', '-n', 'PVMC-SEED', seed, '1440']);
  await run('mcopy', ['-i', seed, lines, '::']);
  return seed;
}

/** What a web server has; undefined while there is none. */
async function page(port = 0): Promise<string | undefined> {
  const signal = AbortSignal.timeout(60_000);
  const answer = await fetch(`http://127.0.0.1:${port}/`, { signal }).catch(() => undefined);
  return answer?.ok ? answer.text() : undefined;
}

/** Without KVM the appliance needs half a minute to boot, and minutes on a computer that is busy. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T | undefined> {
  const limit = performance.now() + 1_200_000;
  for (;;) {
    const seen = await look();
    if (seen !== undefined || performance.now() > limit) return seen;
    await sleep(5000);
  }
}
