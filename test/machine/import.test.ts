/** `pvmc import` for QEMU's user: the appliance that was built becomes a machine that runs without pvmc. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '../../src/system/run.ts';
import { type HelloBuild, helloBuild, saidOf } from '../support/hello-build.ts';
import { PvmcProcess, processesNaming } from '../support/pvmc-process.ts';

let hello: HelloBuild;
let folder: string;

beforeAll(async () => {
  hello = await helloBuild();
  folder = await mkdtemp(join(tmpdir(), 'pvmc-import-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the appliance runs when pvmc has ended, is reached, and powers off when told', async () => {
  const ports = ['--forward', '22', '--forward', '80'];
  const argv = ['import', hello.ova, '--folder', folder, '--start', ...ports];
  const ended = await new PvmcProcess(argv).ended;
  expect(ended).toMatchObject({ status: 0, stderr: '' });
  const imported = saidOf(ended, 'imported') as unknown as Imported;
  expect(imported).toMatchObject({
    state: 'running',
    name: 'hello',
    folder: join(folder, 'hello'),
  });
  const console = join(imported.folder, 'console.log');
  await until(async () => /login:/.test(await readFile(console, 'latin1')) || undefined);
  expect(await until(() => page(imported.forwardPorts[80]))).toContain('Hello');
  expect(await until(() => greeting(imported.forwardPorts[22]))).toMatch(/^SSH-2\.0-/);
  await run([imported.commands.powerOff]);
  expect(processesNaming(folder)).toEqual([]);
  expect((await readdir(imported.folder)).sort()).toEqual([
    'console.log',
    'disk.qcow2',
    'monitor.in',
    'monitor.out',
    'start',
    'stop',
  ]);
});

interface Imported {
  readonly folder: string;
  readonly forwardPorts: Readonly<Record<number, number>>;
  readonly commands: { readonly powerOff: string };
}

/** Asking often would keep an emulated guest from answering. */
const ANSWER_MILLISECONDS = 60_000;

/** What a web server has; undefined while there is none. QEMU takes connections before the guest does. */
async function page(port = 0): Promise<string | undefined> {
  const signal = AbortSignal.timeout(ANSWER_MILLISECONDS);
  const answer = await fetch(`http://127.0.0.1:${port}/`, { signal }).catch(() => undefined);
  return answer?.ok ? answer.text() : undefined;
}

/** The first words of a server; undefined while there is none. */
function greeting(port = 0): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.setTimeout(ANSWER_MILLISECONDS, () => socket.destroy());
    socket.once('data', (bytes) => {
      resolve(bytes.toString());
      socket.destroy();
    });
    socket.on('error', () => {});
    socket.once('close', () => resolve(undefined));
  });
}

/** Without KVM the appliance needs half a minute to boot. */
async function until<T>(look: () => Promise<T | undefined>): Promise<T | undefined> {
  const limit = performance.now() + 300_000;
  for (;;) {
    const seen = await look();
    if (seen !== undefined || performance.now() > limit) return seen;
    await sleep(5000);
  }
}
