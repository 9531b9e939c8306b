import {
  access,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConsoleLog } from '../../console/console-log.ts';
import { lastSign } from '../../console/signs.ts';
import type { PvmcError } from '../../system/error.ts';
import { type Progress, quietProgress } from '../../system/progress.ts';
import { run } from '../../system/run.ts';
import type { Machine, MachineSpecification, RunningMachine } from '../hypervisor.ts';
import { type TinyGuest, tinyGuest } from '../tiny-guest.test-support.ts';
import { qemuHypervisor } from './hypervisor.ts';

const software = async () => ({ available: false, why: 'the test wants it so' });
const qemu = qemuHypervisor({ probe: software });

let folder: string;
const machines: Machine[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-test-'));
});

afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.discard();
  await rm(folder, { recursive: true, force: true });
});

function specification(changes: Partial<MachineSpecification> = {}): MachineSpecification {
  return {
    name: 'pvmc-test',
    memoryBytes: 64 * 2 ** 20,
    cpus: 1,
    firmware: 'bios',
    network: 'none',
    disk: { type: 'existing', path: join(folder, 'guest.img'), format: 'raw' },
    devices: 'fast',
    consoleLogPath: join(folder, 'console.log'),
    runtimeFolder: join(folder, 'runtime'),
    ...changes,
  };
}

async function create(changes?: Partial<MachineSpecification>): Promise<Machine> {
  const machine = await qemu.create(specification(changes), quietProgress());
  machines.push(machine);
  return machine;
}

async function startGuest(
  guest: TinyGuest,
  options: { changes?: Partial<MachineSpecification>; progress?: Progress } = {},
): Promise<{ machine: Machine; running: RunningMachine }> {
  await writeFile(join(folder, 'guest.img'), diskOf(guest));
  const machine = await create(options.changes);
  return { machine, running: await machine.start(options.progress ?? quietProgress()) };
}

/** SeaBIOS refuses a disk without a single whole cylinder. */
function diskOf(guest: TinyGuest): Buffer {
  return Buffer.concat([tinyGuest(guest)], 1024 ** 2);
}

async function textOf(link: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of link) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

async function firstText(running: RunningMachine): Promise<string> {
  for await (const piece of running.link) return Buffer.from(piece).toString('latin1');
  throw new Error('the link ended without a word');
}

describe('a guest that powers itself off', () => {
  it('has its console logged, its link read to the end, and its picture kept', async () => {
    const { running } = await startGuest({
      console: 'hello console\r\n',
      link: 'hello link\n',
      ending: 'power-off',
    });
    expect(await textOf(running.link)).toBe('hello link\n');
    expect(await running.stopped).toEqual({ type: 'stopped', by: 'guest' });
    expect(await readFile(join(folder, 'console.log'), 'utf8')).toContain('hello console');
    const events = [];
    for await (const event of running.events) events.push(event);
    expect(events).toEqual([{ type: 'stopped', by: 'guest' }]);

    await running.screenshot(join(folder, 'after.png'));
    expect((await readFile(join(folder, 'after.png'))).toString('latin1', 1, 4)).toBe('PNG');
    await running.stop();
  });

  it('can be started again', async () => {
    const { machine, running } = await startGuest({ link: 'once', ending: 'power-off' });
    await running.stopped;
    const again = await machine.start(quietProgress());
    expect(await textOf(again.link)).toBe('once');
  });

  it('boots from the disk of the devices that importers choose', async () => {
    const { running } = await startGuest(
      { link: 'ahci', ending: 'power-off' },
      { changes: { devices: 'appliance', network: 'nat' } },
    );
    expect(await textOf(running.link)).toBe('ahci');
  });
});

describe('a guest that ends otherwise', () => {
  it('is seen to reset itself', async () => {
    const { running } = await startGuest({ ending: 'reset' });
    expect(await running.stopped).toEqual({ type: 'reset' });
  });

  it('is seen to have nothing to boot from, on its console', async () => {
    await writeFile(join(folder, 'guest.img'), Buffer.alloc(1024 ** 2));
    const running = await (await create()).start(quietProgress());
    const console = new ConsoleLog(join(folder, 'console.log'));
    while (lastSign(await console.lines()) === undefined) await delay(100);
    expect(lastSign(await console.lines())).toMatchObject({
      code: 'nothing-to-boot',
      line: 'No bootable device.',
    });
    await running.stop();
  });

  it('is seen to panic', async () => {
    const { running } = await startGuest({ ending: 'panic' });
    expect(await running.stopped).toEqual({ type: 'panicked' });
  });

  it('is halted by an error of its disk', async () => {
    const base = join(folder, 'base.img');
    await writeFile(base, Buffer.alloc(1024 ** 2));
    const broken = {
      driver: 'blkdebug',
      'inject-error': [{ event: 'none', iotype: 'read', errno: 5, sector: 1 }],
      image: { driver: 'file', filename: base },
    };
    const disk = join(folder, 'overlay.qcow2');
    const backing = `json:${JSON.stringify({ driver: 'raw', file: broken })}`;
    const format = ['-f', 'qcow2', '-F', 'raw', '-o', 'cluster_size=512'];
    await run(['qemu-img', 'create', '-q', ...format, '-b', backing, disk]);
    await writeFile(join(folder, 'sector'), tinyGuest({ ending: 'read-disk' }));
    await run(['qemu-io', '-f', 'qcow2', '-c', `write -s ${join(folder, 'sector')} 0 512`, disk]);
    const machine = await create({ disk: { type: 'existing', path: disk, format: 'qcow2' } });
    const running = await machine.start(quietProgress());
    expect(await running.stopped).toEqual({
      type: 'disk-error',
      reason: 'a read on the disk of the machine failed: Input/output error',
    });
  });
});

describe('a guest that runs', () => {
  it('is photographed, and stopped at once, twice if need be', async () => {
    const { running } = await startGuest({ link: 'U', ending: 'hang' });
    expect(await firstText(running)).toBe('U');
    await running.screenshot(join(folder, 'screen.png'));
    expect((await stat(join(folder, 'screen.png'))).size).toBeGreaterThan(100);
    await running.requestPowerOff();
    await Promise.all([running.stop(), running.stop()]);
    expect(await running.stopped).toEqual({ type: 'stopped', by: 'host' });
    expect(await qemuPid()).toBeUndefined();
  });

  it('is stopped when the run is aborted', async () => {
    const abort = new AbortController();
    const { running } = await startGuest(
      { link: 'U', ending: 'hang' },
      { progress: quietProgress(abort.signal) },
    );
    await firstText(running);
    abort.abort(new Error('Ctrl-C'));
    expect(await running.stopped).toEqual({ type: 'stopped', by: 'host' });
  });

  it('is known to have been ended by somebody else', async () => {
    const { machine, running: first } = await startGuest({ link: 'U', ending: 'hang' });
    await firstText(first);
    process.kill((await qemuPid()) ?? 0, 'SIGTERM');
    expect(await first.stopped).toMatchObject({ type: 'killed', outOfMemory: false });

    const running = await machine.start(quietProgress());
    await firstText(running);
    process.kill((await qemuPid()) ?? 0, 'SIGKILL');
    expect(await running.stopped).toEqual({
      type: 'killed',
      reason: 'QEMU was killed (SIGKILL)',
      outOfMemory: false,
    });
    await expect(running.screenshot(join(folder, 'late.png'))).rejects.toMatchObject({
      code: 'screenshot-failed',
    });
  });

  it('is known to stand still when somebody has stopped QEMU, and photographed all the same', async () => {
    const { running } = await startGuest({ link: 'U', ending: 'hang' });
    await firstText(running);
    const pid = (await qemuPid()) ?? 0;
    process.kill(pid, 'SIGSTOP');
    expect(await running.stopped).toEqual({
      type: 'stalled',
      reason: `QEMU (process ${pid}) was stopped by a signal (SIGSTOP)`,
    });
    await running.screenshot(join(folder, 'last.png'));
    expect((await stat(join(folder, 'last.png'))).size).toBeGreaterThan(100);
  }, 20_000);

  it('has processors that work or are halted', async () => {
    const { running: halted } = await startGuest({ link: 'U', ending: 'hang' });
    await firstText(halted);
    expect(await halted.busyProcessors()).toBe(0);
    await halted.stop();
    const { running: busy } = await startGuest({ link: 'U', ending: 'echo' });
    await firstText(busy);
    expect(await busy.busyProcessors()).toBe(1);
  });

  it('is not started a second time, nor by another pvmc', async () => {
    const { machine } = await startGuest({ ending: 'hang' });
    const running = { code: 'machine-running', kind: 'host' };
    await expect(machine.start(quietProgress())).rejects.toMatchObject(running);
    await expect(create()).rejects.toMatchObject(running);
  });
});

describe('a machine that somebody looks at', () => {
  it('has a console to read and write, and a screen for who knows its password', async () => {
    const { running } = await startGuest(
      { console: 'hello', ending: 'hang' },
      { changes: { console: 'open', screen: 'vnc' } },
    );
    let said = '';
    for await (const piece of running.console ?? []) {
      said += Buffer.from(piece).toString();
      if (said.includes('hello')) break;
    }
    const logged = () => readFile(join(folder, 'console.log'), 'utf8');
    while (!(await logged()).includes('hello')) await delay(50);
    const { address, password } = (await running.openScreen?.()) ?? {};
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(password).toHaveLength(8);
  });
});

describe('a checkpoint', () => {
  /** Says something to the guest and hears what it says again. */
  async function startEcho() {
    const { running } = await startGuest({ ending: 'echo' });
    const pieces = running.link[Symbol.asyncIterator]();
    const echo = async (text: string): Promise<string> => {
      running.link.write(text);
      let heard = '';
      while (heard.length < text.length)
        heard += Buffer.from((await pieces.next()).value ?? '?').toString();
      return heard;
    };
    return { running, echo };
  }

  it('is a copy of the disk, after which the guest goes on', async () => {
    const { running, echo } = await startEcho();
    expect(await echo('before')).toBe('before');
    await running.checkpoint(join(folder, 'checkpoint.raw'), quietProgress());
    const copy = await readFile(join(folder, 'checkpoint.raw'));
    expect(copy.equals(await readFile(join(folder, 'guest.img')))).toBe(true);
    expect(await echo('after')).toBe('after');
  });

  it('that cannot be copied leaves a guest that goes on, and nothing else', async () => {
    const { running, echo } = await startEcho();
    const copying = running.checkpoint(join(folder, 'no', 'where'), quietProgress());
    await expect(copying).rejects.toMatchObject({ code: 'copy-failed' });
    expect(await echo('after')).toBe('after');
  });

  it('of a machine that is stopped meanwhile leaves nothing', async () => {
    const { running } = await startGuest({ ending: 'echo' });
    const copying = running.checkpoint(join(folder, 'checkpoint.raw'), quietProgress());
    await Promise.all([expect(copying).rejects.toThrow(), running.stop()]);
    expect(await readdir(folder)).not.toContain('checkpoint.raw.partial');
  });
});

describe('create and discard', () => {
  it('make a sparse disk, and remove all but that', async () => {
    const path = join(folder, 'disk.raw');
    const machine = await create({
      disk: { type: 'create', path, sizeBytes: 2 ** 33 },
      firmware: 'uefi',
      credentials: { 'test.secret': 'hunter2' },
    });
    const { size, blocks } = await stat(path);
    expect({ size, blocks }).toEqual({ size: 2 ** 33, blocks: 0 });
    const running = await machine.start(quietProgress());
    expect(await readdir(join(folder, 'runtime'))).not.toContain('credentials');
    await running.stop();
    await machine.discard();
    expect((await readdir(folder)).sort()).toEqual(['console.log', 'disk.raw']);
  });

  it('never touch a disk that exists', async () => {
    const path = join(folder, 'precious.img');
    await writeFile(path, 'precious');
    const refused = create({ disk: { type: 'create', path, sizeBytes: 2 ** 20 } });
    await expect(refused).rejects.toMatchObject({ code: 'disk-exists', kind: 'host' });
    const machine = await create({ disk: { type: 'existing', path, format: 'raw' } });
    await machine.discard();
    expect(await readFile(path, 'utf8')).toBe('precious');
  });

  it('never write to a disk that they are to throw away', async () => {
    const path = join(folder, 'precious.img');
    const disk = diskOf({ link: 'here', ending: 'power-off' });
    await writeFile(path, disk);
    await chmod(path, 0o400);
    const machine = await create({ disk: { type: 'throw-away', path } });
    const running = await machine.start(quietProgress());
    expect(await textOf(running.link)).toBe('here');
    expect(await readdir(join(folder, 'runtime'))).toContain('overlay.qcow2');
    await machine.discard();
    expect((await readFile(path)).equals(disk)).toBe(true);
    expect(await readdir(folder)).not.toContain('runtime');
  });

  it('leave a folder and its files that were there before', async () => {
    await mkdir(join(folder, 'runtime'));
    await writeFile(join(folder, 'runtime', 'mine'), '');
    const machine = await create({
      disk: { type: 'create', path: join(folder, 'd'), sizeBytes: 512 },
    });
    await machine.discard();
    expect(await readdir(join(folder, 'runtime'))).toEqual(['mine']);
  });
});

describe('a machine that cannot start says why', () => {
  async function failure(changes: Partial<MachineSpecification>): Promise<PvmcError> {
    await writeFile(join(folder, 'guest.img'), tinyGuest({ ending: 'hang' }));
    try {
      const machine = await create(changes);
      await machine.start(quietProgress());
    } catch (thrown) {
      return thrown as PvmcError;
    }
    throw new Error('it started');
  }

  it('when its medium or its disk is missing', async () => {
    expect(await failure({ mediumPath: join(folder, 'no.iso') })).toMatchObject({
      code: 'medium-missing',
    });
    const disk = { type: 'existing', path: join(folder, 'no.img'), format: 'raw' } as const;
    expect(await failure({ disk })).toMatchObject({ code: 'disk-missing' });
  });

  it('when the host has too little memory', async () => {
    const error = await failure({ memoryBytes: 2 ** 46 });
    expect(error.message).toBe('this host cannot give the machine 64 TiB of memory');
    expect(error.code).toBe('memory-insufficient');
  });

  it('when a port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
    try {
      const error = await failure({ network: 'nat', forwardPorts: { 80: port } });
      expect(error).toMatchObject({ code: 'port-in-use', kind: 'host' });
      expect(error.message).toContain(String(port));
    } finally {
      server.close();
    }
  });

  it('when another machine has its disk', async () => {
    await startGuest({ ending: 'hang' });
    const machine = await create({ runtimeFolder: join(folder, 'other') });
    await expect(machine.start(quietProgress())).rejects.toMatchObject({ code: 'disk-in-use' });
  });

  it('when QEMU refuses the command line, with its words', async () => {
    const error = await failure({ cpus: 100_000 });
    expect(error.code).toBe('machine-start-failed');
    expect(error.details.join('\n')).toMatch(/smp|cpus/i);
  });

  it('when QEMU is missing', async () => {
    const missing = qemuHypervisor({ program: 'qemu-system-none', probe: software });
    await expect(missing.version()).rejects.toMatchObject({ code: 'qemu-missing' });
  });
});

/** The process of the machine, while it lives. */
async function qemuPid(): Promise<number | undefined> {
  const [pid = ''] = (await readFile(join(folder, 'runtime', 'qemu.pid'), 'utf8')).split(' ');
  return access(`/proc/${pid}`).then(
    () => Number(pid),
    () => undefined,
  );
}
