/** What goes wrong in a real machine: each run ends with its reason, and leaves nothing behind. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type Ended,
  mountsBelow,
  PvmcProcess,
  processesNaming,
  type Said,
} from '../support/pvmc-process.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-failure-'));
});

afterEach(async () => {
  // After whatever has happened: nothing runs, nothing is mounted, no export is half written.
  expect(processesNaming(folder)).toEqual([]);
  expect(mountsBelow(folder)).toEqual([]);
  const left = existsSync(join(folder, 'out')) ? await readdir(join(folder, 'out')) : [];
  expect(left.filter((name) => !/^builds$|\.iso$|^\.pvmc-files\.json$/.test(name))).toEqual([]);
  await rm(folder, { recursive: true, force: true });
});

async function manifest(lines: readonly string[]): Promise<string> {
  const path = join(folder, 'appliance.yaml');
  await writeFile(path, ['name: failing', 'version: "1"', ...lines, ''].join('\n'));
  return path;
}

function build(path: string, through?: readonly string[]): PvmcProcess {
  return new PvmcProcess(['build', path, '-o', join(folder, 'out'), '--no-verify'], through);
}

function failureOf({ said }: Ended) {
  return said.find(({ type }) => type === 'build-failed')?.['failure'];
}

function inStage(stage: string) {
  return (said: Said) => said.type === 'stage-started' && said['stage'] === stage;
}

test('a script that fills the guest’s disk: the verdict has its last lines, the machine can be opened', async () => {
  const path = await manifest([
    'machine:',
    '  disk: 3 GiB',
    'scripts:',
    '  - name: fill the disk',
    '    run: |',
    '      echo filling',
    '      head -c 4G /dev/zero > /var/full',
  ]);
  const ended = await build(path).ended;
  expect(ended.status).toBe(7);
  const failure = failureOf(ended);
  expect(failure).toMatchObject({ code: 'script-failed', stage: 'construct', step: 'scripts' });
  expect(JSON.stringify(failure)).toContain('No space left on device');
  const { folder: kept } = failure as { folder: string };
  expect(await readFile(join(kept, 'guest/constructor.log'), 'utf8')).toContain('filling');
  expect((await readFile(join(kept, 'screen.png'))).subarray(1, 4).toString()).toBe('PNG');

  expect(JSON.stringify(failure)).toContain(`./pvmc diagnose ${basename(kept)}`);
  const command = 'lsblk --noheadings --output NAME /dev/vda; exit 3';
  const opening = ['diagnose', basename(kept), '-o', join(folder, 'out'), '--command', command];
  const opened = await new PvmcProcess(opening).ended;
  const diagnosed = opened.said.find(({ type }) => type === 'command-finished');
  expect([opened.status, diagnosed?.['output']]).toEqual([3, expect.stringContaining('vda3')]);
  expect(await readdir(kept)).not.toContainEqual(expect.stringMatching(/^diagnose/));
});

test('a mirror that the guest cannot reach', async () => {
  // Here it is a door to Debian's mirror; in the guest this address is the guest itself.
  const mirror = await forwarding('http://deb.debian.org');
  try {
    const { port } = mirror.address() as AddressInfo;
    const path = await manifest([
      'repository:',
      `  mirror: http://127.0.0.1:${port}/debian`,
      '  security: false',
      '  updates: false',
    ]);
    const ended = await build(path).ended;
    expect(ended.status).toBe(7);
    expect(failureOf(ended)).toMatchObject({ code: 'repository-unreachable', step: 'fetch' });
  } finally {
    mirror.closeAllConnections();
    mirror.close();
  }
});

test('a full disk on the host', async () => {
  const path = await manifest([]);
  const small = join(folder, 'out');
  await mkdir(small);
  // In a mount namespace of its own, so that the small file system goes with the process.
  const script = 'mount -t tmpfs -o size=260m tmpfs "$0" && exec "$@"';
  const ended = await build(path, ['unshare', '-Urm', 'sh', '-c', script, small]).ended;
  expect([4, 6]).toContain(ended.status);
  expect(JSON.stringify(failureOf(ended))).toMatch(/full|space/i);
});

test.each(['boot', 'construct'])('Ctrl-C in the stage %s', async (stage) => {
  const pvmc = build(await manifest([]));
  await pvmc.until(inStage(stage));
  await new Promise((resolve) => setTimeout(resolve, 4000));
  pvmc.kill('SIGINT');
  const ended = await pvmc.ended;
  expect(ended.status).toBe(130);
  expect(failureOf(ended)).toMatchObject({ kind: 'interrupted', stage });
});

test('Ctrl-C while the medium’s system is made', async () => {
  const cache = join(folder, 'cache');
  const path = await manifest([]);
  const pvmc = new PvmcProcess(['iso', path, '-o', join(folder, 'out'), '--cache', cache]);
  await pvmc.until((said) => said.type === 'log' && said['origin'] === 'mmdebstrap');
  await new Promise((resolve) => setTimeout(resolve, 5000));
  pvmc.kill('SIGINT');
  const { status } = await pvmc.ended;
  expect(status).toBe(130);
  expect(existsSync(join(folder, 'out/failing-1.iso'))).toBe(false);
});

test('kill -9: the machine ends with its program', async () => {
  const pvmc = build(await manifest([]));
  await pvmc.until(inStage('boot'));
  await new Promise((resolve) => setTimeout(resolve, 2000));
  expect(processesNaming(folder).length).toBeGreaterThan(1);
  pvmc.kill('SIGKILL');
  await pvmc.ended;
  for (let tries = 0; tries < 50 && processesNaming(folder).length > 0; tries += 1)
    await new Promise((resolve) => setTimeout(resolve, 100));
});

/** A mirror on the loopback that passes everything on. */
async function forwarding(origin: string): Promise<Server> {
  const server = createServer((incoming, answer) => {
    const { method, headers, url = '/' } = incoming;
    const target = new URL(url, origin);
    const asked = request(target, { method, headers: { ...headers, host: target.host } }, (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      got.pipe(answer);
    });
    asked.on('error', () => answer.destroy());
    incoming.pipe(asked);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
