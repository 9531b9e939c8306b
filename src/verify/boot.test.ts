import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MachineEvent } from '../hypervisors/hypervisor.ts';
import { PvmcError } from '../system/error.ts';
import type { ApplianceCheck } from './check.ts';
import type { VerifyLimits } from './limits.ts';
import { Steps, type VerifyProgress } from './progress.ts';
import type { VerifyCheck } from './report.ts';
import { type Guest, type Play, SimulatedHypervisor } from './simulated-hypervisor.test-support.ts';
import { verifyDisk } from './verify.ts';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-verify-'));
  await writeFile(join(folder, 'disk.raw'), '');
  await truncate(join(folder, 'disk.raw'), 2 ** 20);
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const PORT: ApplianceCheck = { port: 22 };
const LIMITS: VerifyLimits = {
  bootSeconds: 10,
  silenceSeconds: 10,
  checkSeconds: 1,
  powerOffSeconds: 10,
  stuckSeconds: 0.2,
};

const powerOff: MachineEvent = { type: 'stopped', by: 'guest' };

/** A boot that goes well until it is up. */
async function comeUp({ print, say }: Guest): Promise<void> {
  say({ type: 'hello', uptime: 1 });
  say({ type: 'waiting', uptime: 2, jobs: 'nginx.service\nssh.service\n' });
  await print('\nDebian GNU/Linux 13 hello ttyS0\n\nhello login: ');
}

const up = { type: 'up', uptime: 4, state: 'running', failed: '', journal: '' };
const done = { type: 'done', uptime: 6, failed: '', journal: '' };

async function powerOffWhenAsked({ button, end }: Guest): Promise<void> {
  await button;
  end(powerOff);
}

interface Trial {
  readonly checks?: readonly ApplianceCheck[];
  readonly limits?: Partial<VerifyLimits>;
  readonly signal?: AbortSignal;
  readonly hypervisor?: SimulatedHypervisor;
}

interface Outcome {
  readonly checks: readonly VerifyCheck[];
  readonly hypervisor: SimulatedHypervisor;
  readonly said: readonly string[];
}

/** Both boots; whatever comes of them, nothing of them may be left. */
async function verify(play: Play, trial: Trial = {}): Promise<Outcome> {
  const hypervisor = trial.hypervisor ?? new SimulatedHypervisor(play);
  const said: string[] = [];
  const progress: VerifyProgress = {
    signal: trial.signal ?? new AbortController().signal,
    log: (line) => said.push(line),
    notice: (line) => said.push(line),
    amount: ({ done: count, total }) => said.push(`${count} of ${total}`),
    heard: () => {},
    step: ({ index, count, name }) => said.push(`${index}/${count} ${name}`),
  };
  const request = {
    diskPath: join(folder, 'disk.raw'),
    workFolder: folder,
    hypervisor,
    checks: trial.checks ?? [PORT],
    limits: { ...LIMITS, ...trial.limits },
    machine: { memoryBytes: 2 ** 30, cpus: 1, hasNetwork: true },
  };
  try {
    const boots = await verifyDisk(request, new Steps(progress, 6), progress);
    return { checks: boots.flatMap(({ checks }) => checks), hypervisor, said };
  } finally {
    expect(hypervisor.running).toBe(0);
    expect(hypervisor.existing).toBe(0);
    const left = (await readdir(folder, { recursive: true })).map((path) => path.split('/').at(-1));
    expect(left).not.toContain('changes.qcow2');
    expect(left).not.toContain('machine');
  }
}

const brief = (checks: readonly VerifyCheck[]) =>
  checks.map(({ name, outcome, detail }) => [name, outcome, detail]);

/** Of the first boot: whether it came up, and why not. */
const firstBoot = ({ checks }: Outcome) => [checks[0]?.outcome, checks[0]?.detail];

describe('an appliance that is as it should be', () => {
  const good: Play = async (guest) => {
    await comeUp(guest);
    guest.say(up);
    guest.say({ type: 'check-started', uptime: 4, check: 0 });
    guest.say({ type: 'check-finished', uptime: 5.5, check: 0, status: 0, output: '' });
    guest.say(done);
    await powerOffWhenAsked(guest);
  };

  it('passes under both firmwares', async () => {
    const { checks, hypervisor, said } = await verify(good);
    expect(brief(checks)).toEqual([
      ['boots under BIOS', 'passed', 'it was up 4.0 s after the kernel'],
      ['port 22, under BIOS', 'passed', undefined],
      ['powers off when asked, under BIOS', 'passed', undefined],
      ['boots under UEFI', 'passed', 'it was up 4.0 s after the kernel'],
      ['port 22, under UEFI', 'passed', undefined],
      ['powers off when asked, under UEFI', 'passed', undefined],
    ]);
    expect(checks[1]?.seconds).toBe(1.5);
    expect(said.filter((line) => line.includes('/6'))).toEqual([
      '1/6 bios-boot',
      '2/6 bios-checks',
      '3/6 bios-power-off',
      '4/6 uefi-boot',
      '5/6 uefi-checks',
      '6/6 uefi-power-off',
    ]);
    expect(said).toContain('the boot waits for nginx.service, ssh.service');
    expect(said).toContain('1 of 1');
    const [bios, uefi] = hypervisor.specifications;
    expect([bios?.firmware, uefi?.firmware]).toEqual(['bios', 'uefi']);
    expect(bios?.name).not.toBe(uefi?.name);
    expect(bios).toMatchObject({ network: 'nat', devices: 'appliance', memoryBytes: 2 ** 30 });
    expect(bios?.mediumPath ?? bios?.forwardPorts).toBeUndefined();
    expect(await readFile(join(folder, 'uefi/screen.png'), 'utf8')).toBe('a picture');
    expect(await readFile(join(folder, 'uefi/link.log'), 'utf8')).toContain('"type":"done"');
  });

  it('is seen from outside only when nothing can be brought in', async () => {
    const play: Play = async (guest) => {
      expect(guest.specification.credentials).toBeUndefined();
      await guest.print('hello login: ');
      await powerOffWhenAsked(guest);
    };
    const { checks } = await verify(play, { hypervisor: new SimulatedHypervisor(play, false) });
    expect(brief(checks).slice(0, 3)).toEqual([
      [
        'boots under BIOS',
        'passed',
        'it came to a login prompt; nothing more can be seen from outside',
      ],
      ['port 22, under BIOS', 'skipped', 'nothing can look inside'],
      ['powers off when asked, under BIOS', 'passed', undefined],
    ]);
  });
});

describe('an appliance that comes up', () => {
  it('fails with what did not start, and its checks still tell', async () => {
    const { checks } = await verify(async (guest) => {
      await comeUp(guest);
      guest.say({ ...up, state: 'degraded', failed: 'ssh.service\n', journal: 'no keys\n' });
      guest.say({ type: 'check-started', uptime: 5, check: 0 });
      const output = 'nothing listens on port 22\n';
      guest.say({ type: 'check-finished', uptime: 6, check: 0, status: 1, output });
      guest.say(done);
      await powerOffWhenAsked(guest);
    });
    expect(brief(checks).slice(0, 3)).toEqual([
      ['boots under BIOS', 'failed', 'it is up, but failed to start ssh.service'],
      ['port 22, under BIOS', 'failed', 'nothing listens on port 22'],
      ['powers off when asked, under BIOS', 'passed', undefined],
    ]);
    expect(checks[0]?.lines).toEqual(['no keys']);
  });

  it('fails when something fails a little later', async () => {
    const outcome = await verify(async (guest) => {
      await comeUp(guest);
      guest.say(up);
      guest.say({ ...done, failed: 'ssh.service', journal: 'no keys' });
      await powerOffWhenAsked(guest);
    });
    expect(firstBoot(outcome)).toEqual(['failed', 'it came up, and then ssh.service failed']);
    expect(brief(outcome.checks)[1]).toEqual([
      'port 22, under BIOS',
      'skipped',
      'the probe did not come to it',
    ]);
  });

  it('fails when it ends during a check', async () => {
    const { checks } = await verify(
      async (guest) => {
        await comeUp(guest);
        guest.say(up);
        guest.say({ type: 'check-started', uptime: 5, check: 0 });
        await guest.print('\n[    5.1] Kernel panic - not syncing: sysrq triggered crash\n');
        guest.end({ type: 'panicked' });
      },
      { checks: [{ command: 'echo c > /proc/sysrq-trigger' }, PORT] },
    );
    const why = 'the kernel panicked: sysrq triggered crash';
    expect(brief(checks).slice(1, 4)).toEqual([
      ['echo c > /proc/sysrq-trigger, under BIOS', 'failed', `it did not end: ${why}`],
      ['port 22, under BIOS', 'skipped', why],
      ['powers off when asked, under BIOS', 'failed', why],
    ]);
  });

  it('fails when it does not power off', async () => {
    const { checks } = await verify(
      async (guest) => {
        await comeUp(guest);
        guest.say(up);
        guest.say(done);
      },
      { checks: [], limits: { powerOffSeconds: 0.1 } },
    );
    expect(brief(checks)[1]?.slice(1)).toEqual(['failed', 'it was still on after 0.1 s']);
  });
});

describe('an appliance that does not come up', () => {
  it('is silent: nothing was ever heard', async () => {
    const outcome = await verify(async () => {}, { limits: { silenceSeconds: 0.1 } });
    expect(firstBoot(outcome)).toEqual([
      'failed',
      'nothing was heard for 0.1 s; the console is empty: firmware, boot loader and initramfs may ' +
        'speak on the screen only, see the picture',
    ]);
    expect(brief(outcome.checks).slice(1, 4)).toEqual([
      ['port 22, under BIOS', 'skipped', 'it was not up'],
      ['powers off when asked, under BIOS', 'skipped', 'it was not up'],
      ['boots under UEFI', 'failed', outcome.checks[0]?.detail],
    ]);
  });

  it('waits for something for ever', async () => {
    const outcome = await verify(comeUp, { limits: { bootSeconds: 0.3 } });
    expect(firstBoot(outcome)).toEqual([
      'failed',
      'it was not up within 0.3 s; the boot still waited for nginx.service, ssh.service',
    ]);
  });

  it('panics without telling its hypervisor: the console is believed after a while', async () => {
    const outcome = await verify(async ({ print }) => {
      await print('[    2.4] Kernel panic - not syncing: VFS: Unable to mount root fs on x\r\n');
      await print('[    2.4] ---[ end Kernel panic - not syncing: VFS: Unable to mount ]---\r\n');
    });
    expect(firstBoot(outcome)).toEqual([
      'failed',
      'the kernel panicked: VFS: Unable to mount root fs on x',
    ]);
    expect(outcome.checks[0]?.lines?.at(0)).toContain('Kernel panic');
  });

  it.each([
    ['once', 1, 'passed'],
    ['twice', 2, 'failed'],
  ])('panics %s under emulation: it is started again, once', async (_often, times, outcome) => {
    let starts = 0;
    const hypervisor = new SimulatedHypervisor(async (guest) => {
      starts += 1;
      if (starts > times) {
        await comeUp(guest);
        guest.say(up);
        guest.say(done);
        await powerOffWhenAsked(guest);
      } else {
        await guest.print('[    2.1] Kernel panic - not syncing: Fatal exception in interrupt\n');
        guest.end({ type: 'panicked' });
      }
    });
    hypervisor.accelerated = false;
    const { checks, said } = await verify(async () => {}, { hypervisor });
    expect(checks[0]?.outcome).toBe(outcome);
    expect(said.filter((line) => line.includes('it is started again'))).toHaveLength(1);
    // UEFI's boot goes well each time.
    expect(starts).toBe(3);
  });

  it.each<[MachineEvent, string]>([
    [powerOff, 'the system powered itself off'],
    [{ type: 'reset' }, 'the system reset itself'],
    [{ type: 'panicked' }, 'the kernel panicked'],
  ])('ends by itself: %j', async (event, reason) => {
    expect(firstBoot(await verify(async ({ end }) => end(event)))).toEqual(['failed', reason]);
  });

  it('has a systemd that takes no units from outside', async () => {
    const outcome = await verify(async ({ print }) => print('old login: '));
    expect(firstBoot(outcome)[1]).toContain('that needs systemd 256 or newer');
  });

  it('is in emergency mode', async () => {
    const outcome = await verify(async ({ say }) => {
      say({ ...up, state: 'maintenance', journal: 'Dependency failed for /srv\n' });
    });
    expect(firstBoot(outcome)).toEqual(['failed', 'the system is in emergency mode']);
    expect(outcome.checks[0]?.lines).toEqual(['Dependency failed for /srv']);
  });
});

describe('a run', () => {
  it('can be ended at any time', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const play: Play = async (guest) => {
      await comeUp(guest);
      controller.abort(reason);
    };
    await expect(verify(play, { signal: controller.signal })).rejects.toBe(reason);
  });

  it.each<[MachineEvent, string]>([
    [{ type: 'killed', reason: 'SIGKILL', outOfMemory: false }, 'machine-ended'],
    [{ type: 'killed', reason: 'SIGKILL', outOfMemory: true }, 'host-out-of-memory'],
    [{ type: 'crashed', reason: 'it hiccupped' }, 'machine-crashed'],
    [{ type: 'stalled', reason: 'SIGSTOP' }, 'machine-stalled'],
    [{ type: 'disk-error', reason: 'no space is left' }, 'machine-disk-error'],
  ])('says nothing of the appliance when this computer failed: %j', async (event, code) => {
    const failure = await verify(async ({ end }) => end(event)).catch((thrown: unknown) => thrown);
    expect(failure instanceof PvmcError && failure.code).toBe(code);
  });
});
