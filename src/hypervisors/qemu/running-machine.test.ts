import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { quietProgress } from '../../system/progress.ts';
import type { MachineEvent } from '../hypervisor.ts';
import { tinyGuest } from '../tiny-guest.test-support.ts';
import { brokenKvm } from './broken-kvm.test-support.ts';
import { qemuHypervisor } from './hypervisor.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-test-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

interface Told {
  readonly link: string;
  readonly notices: readonly string[];
  readonly event: MachineEvent;
  readonly why: string;
}

/** Runs a guest to its end on a host whose KVM says that it works, and does not. */
async function runOnBrokenKvm(name: string): Promise<Told> {
  const path = join(folder, 'guest.img');
  const guest = tinyGuest({ link: 'in software', ending: 'power-off' });
  await writeFile(path, Buffer.concat([guest], 1024 ** 2));
  const qemu = qemuHypervisor({
    program: await brokenKvm(folder),
    probe: async () => ({ available: true, why: 'it says so' }),
  });
  const machine = await qemu.create(
    {
      name,
      memoryBytes: 64 * 2 ** 20,
      cpus: 1,
      firmware: 'bios',
      network: 'none',
      disk: { type: 'existing', path, format: 'raw' },
      devices: 'fast',
      consoleLogPath: join(folder, 'console.log'),
      runtimeFolder: join(folder, 'runtime'),
    },
    quietProgress(),
  );
  const notices: string[] = [];
  try {
    const running = await machine.start({
      ...quietProgress(),
      notice: (line) => notices.push(line),
    });
    let link = '';
    for await (const piece of running.link) link += Buffer.from(piece).toString('latin1');
    const event = await running.stopped;
    return { link, notices, event, why: (await qemu.capabilities()).acceleration.why };
  } finally {
    await machine.discard();
  }
}

describe('when KVM does not run the guest', () => {
  it('the machine starts again in software, with one notice, and the next one need not try', async () => {
    expect(await runOnBrokenKvm('silent')).toEqual({
      link: 'in software',
      event: { type: 'stopped', by: 'guest' },
      notices: [
        'the processor does not run the guest (KVM internal error): the machine starts again in software emulation (TCG), some fifteen times slower',
      ],
      why: 'the processor does not run the guest (KVM internal error)',
    });
  });

  it('a guest that has spoken is not started a second time', async () => {
    expect(await runOnBrokenKvm('talkative')).toMatchObject({
      link: 'hello',
      event: { type: 'crashed', reason: 'QEMU reports an internal error' },
      notices: [],
    });
  });
});
