/** Imports for QEMU with real files, which need no machine to run. */
import { readdirSync } from 'node:fs';
import { mkdir, readdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  exportTiny,
  makeDisk,
  makeManifest,
  temporaryFolder,
} from '../appliance/testing/fixtures.ts';
import { putTogether, takeApart, withPart } from '../appliance/testing/tampering.ts';
import { run } from '../system/run.ts';
import type { Emit } from './events.ts';
import { type ImportOptions, importAppliance } from './import.ts';

let outer: Awaited<ReturnType<typeof temporaryFolder>>;
let disk: string;
let good: string;
let folder: string;
let temporary: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  outer = await temporaryFolder();
  disk = join(outer.path, 'disk.raw');
  await makeDisk(disk);
  good = await exported('tiny-1.0');
});
afterAll(() => outer[Symbol.asyncDispose]());

beforeEach(async () => {
  temporary = await temporaryFolder();
  folder = temporary.path;
});
afterEach(() => temporary[Symbol.asyncDispose]());

async function exported(baseName: string, manifest: object = {}): Promise<string> {
  const request = { diskPath: disk, outputFolder: outer.path, baseName };
  const [file] = await exportTiny({ ...request, manifest: makeManifest(manifest) });
  return file?.path ?? '';
}

interface Wishes extends Partial<ImportOptions> {
  readonly path?: string;
  readonly signal?: AbortSignal;
  readonly emit?: Emit;
}

function importTiny({ path, signal, emit = () => {}, ...options }: Wishes = {}) {
  return importAppliance({
    path: path ?? good,
    options: {
      hypervisor: 'qemu',
      folder,
      forwards: [],
      properties: [],
      action: 'import',
      ...options,
    },
    emit,
    signal: signal ?? new AbortController().signal,
  });
}

/** A file beside the good one, for a test to import. */
async function candidate(bytes: Buffer): Promise<string> {
  const path = join(outer.path, 'candidate.ova');
  await writeFile(path, bytes);
  return path;
}

describe('a machine for QEMU', () => {
  it('is a folder with the disk and two scripts', async () => {
    const { facts } = await importTiny({ forwards: [{ guestPort: 80, hostPort: 18_080 }] });
    expect(facts).toMatchObject({
      name: 'tiny',
      hypervisor: expect.stringMatching(/^QEMU \d/),
      folder: join(folder, 'tiny'),
      memoryBytes: 2 ** 30,
      firmware: 'bios',
      forwardPorts: { 80: 18_080 },
      commands: { start: `${join(folder, 'tiny', 'start')} background` },
    });
    expect((await readdir(facts.folder)).sort()).toEqual(['disk.qcow2', 'start', 'stop']);
    const image = join(facts.folder, 'disk.qcow2');
    const compared = await run(['qemu-img', 'compare', '-f', 'raw', '-F', 'qcow2', disk, image]);
    expect(compared.stdout).toContain('identical');
    const start = await readFile(join(facts.folder, 'start'), 'utf8');
    expect(start).toContain('-m 1024M -smp 2');
    expect(start).toContain('hostfwd=tcp:127.0.0.1:18080-:80');
    for (const script of ['start', 'stop']) await run(['sh', '-n', join(facts.folder, script)]);
    expect((await stat(join(facts.folder, 'start'))).mode & 0o111).toBe(0o111);
  });

  it('has firmware and network as the descriptor says', async () => {
    const machine = { firmware: 'uefi', network: 'none', memory: '768 MiB', cpus: 1 };
    const path = await exported('uefi-1.0', { name: 'uefi', machine });
    const { facts } = await importTiny({ path, forwards: [{ guestPort: 22 }] });
    expect(facts.forwardPorts).toEqual({});
    expect(await readdir(facts.folder)).toContain('uefi-variables.fd');
    const start = await readFile(join(facts.folder, 'start'), 'utf8');
    expect(start).toContain('768 MiB of memory, 1 CPU, UEFI');
    expect(start).toContain('file=uefi-variables.fd');
    expect(start).toContain('-nic none');
  });

  it('stops nothing that does not run', async () => {
    const { facts } = await importTiny();
    const stopped = await run([facts.commands.powerOff], { accept: [1] });
    expect(stopped.stderr).toBe('tiny does not run in the background');
  });

  it('is not taken for another process that has got its number', async () => {
    const { facts } = await importTiny();
    await writeFile(join(facts.folder, 'qemu.pid'), `${process.pid}\n`);
    const stopped = await run([facts.commands.powerOff], { accept: [1] });
    expect(stopped.stderr).toBe('tiny does not run in the background');
  });

  it('is found by the name of its own file with its number', async () => {
    const { facts } = await importTiny();
    const pidFile = join(await realpath(facts.folder), 'qemu.pid');
    await run(['mkfifo', join(facts.folder, 'monitor.in')]);
    const script = 'sh -c "sleep 1; true" machine "$1" & echo $! >"$1"; exec "$2"';
    await run(['sh', '-c', script, 'sh', pidFile, facts.commands.powerOff]);
  });

  it('is only looked at when that is what was asked for', async () => {
    const { facts } = await importTiny({ action: 'rehearse' });
    expect(facts.folder).toBe(join(folder, 'tiny'));
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('properties', () => {
  const OWN = { name: 'workers', type: 'int', max: 9, default: 2 };
  const asking = (properties: readonly unknown[]) => exported('asking-1.0', { properties });

  it('are on a disc in the drive of the machine, for nobody else to read', async () => {
    const path = await asking(['hostname', OWN]);
    const properties = [{ key: 'hostname', value: 'shop-1' }];
    const { facts } = await importTiny({ path, properties });
    expect(facts.properties).toEqual([
      { key: 'hostname', label: 'Host name', given: true },
      { key: 'workers', label: 'workers', given: false },
    ]);
    const disc = join(facts.folder, 'properties.iso');
    expect((await stat(disc)).mode & 0o777).toBe(0o600);
    const text = await readFile(disc, 'latin1');
    expect(text).toContain('oe:key="hostname" oe:value="shop-1"');
    expect(text).toContain('oe:key="workers" oe:value="2"');
    const start = await readFile(join(facts.folder, 'start'), 'utf8');
    expect(start).toContain('file=properties.iso,format=raw,media=cdrom');
  });

  it('are not asked for: without any the machine is as its appliance came', async () => {
    const { facts } = await importTiny({ path: await asking(['hostname']) });
    expect(await readdir(facts.folder)).not.toContain('properties.iso');
    expect(await readFile(join(facts.folder, 'start'), 'utf8')).not.toContain('properties.iso');
  });

  it('that it needs are named', async () => {
    const notices: unknown[] = [];
    const path = await asking([{ name: 'ssh-key', required: true }]);
    await importTiny({ path, emit: (event) => void notices.push(event) });
    expect(notices).toContainEqual({
      type: 'notice',
      line: 'the appliance needs ssh-key: give it with --property ssh-key=VALUE',
    });
  });

  it.each([
    [
      ['hostname'],
      'hostnam',
      'hostnam: the appliance has no such property; did you mean hostname?',
    ],
    [[OWN], 'workers', 'workers is not a whole number that it can be'],
    [[], 'hostname', 'hostname: the appliance has no such property'],
  ])('of %j that are wrong keep anything from being made', async (declared, key, problem) => {
    const path = declared.length === 0 ? good : await asking(declared);
    const properties = [{ key, value: 'ten' }];
    await expect(importTiny({ path, properties })).rejects.toMatchObject({
      code: 'property-invalid',
      message: `a property is wrong: ${problem}`,
    });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('the name', () => {
  it('is the next that is free', async () => {
    await mkdir(join(folder, 'tiny'));
    expect((await importTiny()).facts.name).toBe('tiny-2');
    expect((await importTiny()).facts.name).toBe('tiny-3');
  });

  it('that was asked for is taken, or none is', async () => {
    expect((await importTiny({ name: 'shop' })).facts.folder).toBe(join(folder, 'shop'));
    await expect(importTiny({ name: 'shop' })).rejects.toMatchObject({
      kind: 'host',
      code: 'machine-exists',
      message: `there is a ${join(folder, 'shop')} already, which is not touched`,
    });
  });

  it('is taken by one of several imports at the same time', async () => {
    const made = await Promise.all([importTiny(), importTiny(), importTiny()]);
    expect(made.map(({ facts }) => facts.name).sort()).toEqual(['tiny', 'tiny-2', 'tiny-3']);
    for (const { facts } of made)
      expect((await readdir(facts.folder)).sort()).toEqual(['disk.qcow2', 'start', 'stop']);
    expect((await readdir(folder)).sort()).toEqual(['tiny', 'tiny-2', 'tiny-3']);
  });

  it('that was asked for goes to one of two', async () => {
    const both = [importTiny({ name: 'shop' }), importTiny({ name: 'shop' })];
    const ended = await Promise.allSettled(both);
    const failed = ended.filter((one) => one.status === 'rejected');
    expect(failed).toHaveLength(1);
    expect(failed[0]?.reason).toMatchObject({ kind: 'host', code: 'machine-exists' });
    expect(await readdir(folder)).toEqual(['shop']);
  });

  it.each(['../shop', '-rf', 'a b', ''])('cannot be %j', async (name) => {
    await expect(importTiny({ name })).rejects.toMatchObject({ code: 'import-name-invalid' });
  });

  it('of a foreign descriptor leads nowhere else', async () => {
    const parts = await takeApart(good);
    const text = parts[0]?.bytes.toString().replace('<Name>tiny<', '<Name>../../Töny Box<') ?? '';
    const path = await candidate(putTogether(withPart(parts, '.ovf', Buffer.from(text))));
    expect((await importTiny({ path })).facts.folder).toBe(join(folder, 'tony-box'));
  });
});

describe('a port', () => {
  it('that is in use is refused, or another one found', async () => {
    const server = createServer();
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    try {
      const given = importTiny({ forwards: [{ guestPort: 22, hostPort: port }] });
      await expect(given).rejects.toMatchObject({ code: 'port-in-use' });
      const { facts } = await importTiny({ forwards: [{ guestPort: port }] });
      expect(facts.forwardPorts[port]).toBeGreaterThan(port);
    } finally {
      server.close();
    }
  });
});

describe('a file that is wrong', () => {
  const cut = async () => (await readFile(good)).subarray(0, 100_000);
  const otherDigest = async () => {
    const parts = await takeApart(good);
    const other = parts.map(({ name, bytes }) =>
      name.endsWith('.vmdk')
        ? { name, bytes: Buffer.from(bytes).fill(0, 70_000, 70_001) }
        : { name, bytes },
    );
    return putTogether(other);
  };
  const foreign = async () => {
    const parts = await takeApart(good);
    const text = parts[0]?.bytes.toString().replace('#streamOptimized', '#sparse') ?? '';
    return putTogether(withPart(parts, '.ovf', Buffer.from(text)));
  };
  const unfinished = async () => {
    const parts = await takeApart(good);
    const vmdk = parts.at(-1)?.bytes ?? Buffer.alloc(0);
    const text =
      parts[0]?.bytes
        .toString()
        .replace(`ovf:size="${vmdk.length}"`, `ovf:size="${vmdk.length - 512}"`) ?? '';
    const shorter = withPart(parts, '.vmdk', vmdk.subarray(0, -512));
    return putTogether(withPart(shorter, '.ovf', Buffer.from(text)));
  };
  it.each([
    ['cut off', 'ova-truncated', cut],
    ['of other bits than its digests say', 'ova-digest-wrong', otherDigest],
    ['of another format', 'ovf-unusable', foreign],
    ['no OVA at all', 'ova-not-tar', async () => Buffer.alloc(5000, 'a picture of a cat ')],
    ['right, but for the disk', 'vmdk-unfinished', unfinished],
  ])('%s', async (_, code, make) => {
    const path = await candidate(await make());
    const wanted = join(folder, 'new', 'place');
    await expect(importTiny({ path, folder: wanted })).rejects.toMatchObject({
      kind: 'input',
      code,
    });
    expect(await readdir(folder)).toEqual([]);
  });
});

it('leaves nothing when it is interrupted', async () => {
  const controller = new AbortController();
  // As soon as there is something to leave.
  const waiting = setInterval(() => {
    if (readdirSync(folder).length > 0) controller.abort(new Error('Ctrl-C'));
  }, 1);
  await expect(importTiny({ signal: controller.signal })).rejects.toThrow('Ctrl-C');
  clearInterval(waiting);
  expect(await readdir(folder)).toEqual([]);
});

it('removes what an import that was killed has left', async () => {
  const others = ['.tiny-2.importing-999999999-aB3dEf', '.tiny.importing-notes'];
  for (const name of ['.tiny.importing-999999999-aB3dEf', ...others])
    await mkdir(join(folder, name));
  await mkdir(join(folder, 'tiny'));
  await writeFile(join(folder, 'tiny', '.importing-999999999-1'), '');
  await importTiny();
  expect((await readdir(folder)).sort()).toEqual([...others, 'tiny']);
});

it('explains a folder that cannot be', async () => {
  await writeFile(join(folder, 'file'), '');
  const inFile = importTiny({ folder: join(folder, 'file') });
  await expect(inFile).rejects.toMatchObject({ kind: 'host', code: 'output-not-writable' });
});
