/**
 * `pvmc build --hypervisor virtualbox`, in a real VirtualBox. Its interpreter is too slow to construct an
 * appliance in a test. So the real medium is followed until its boot loader speaks, and ended at a deadline as
 * any hang would be; and all stages are gone through with a medium that does in one sector what a
 * constructor does: it says hello, makes the disk boot, gives its verdict and powers the machine off.
 */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { tinyGuest } from '../../src/hypervisors/tiny-guest.test-support.ts';
import { encodeMessage } from '../../src/link/protocol.ts';
import { MODES } from '../../src/media/modes.ts';
import { run } from '../../src/system/run.ts';
import { saidOf } from '../support/hello-build.ts';
import { type Ended, PvmcProcess } from '../support/pvmc-process.ts';
import { TestVirtualBox, whyNoVirtualBox } from '../support/virtualbox/test-virtualbox.ts';

let skipped: string | undefined;
let virtualbox: TestVirtualBox;
let out: string;

beforeEach(async ({ skip }) => {
  skipped ??= await whyNoVirtualBox();
  if (skipped !== undefined) skip(skipped);
  virtualbox = await TestVirtualBox.install();
  out = join(virtualbox.folder, 'out');
});

afterEach(async () => {
  await virtualbox?.remove();
});

/** pvmc finds the VirtualBox of this test where it finds any: on PATH. */
function build(...args: readonly string[]): PvmcProcess {
  const path = `PATH=${join(virtualbox.folder, 'bin')}:${process.env['PATH'] ?? ''}`;
  const command = ['build', ...args, '--hypervisor', 'virtualbox', '-o', out];
  return new PvmcProcess(command, ['env', path]);
}

function stagesOf({ said }: Ended): Record<string, unknown> {
  const finished = said.filter(({ type }) => type === 'stage-finished');
  return Object.fromEntries(finished.map((one) => [one['stage'], one['result']]));
}

test('the real medium boots, and a deadline ends it with its reason, log and picture', async () => {
  const building = build('examples/hello', '--timeout', `boot=${BOOT_SECONDS}s`);
  await building.until(({ type, stage }) => type === 'stage-started' && stage === 'boot');
  await askForMenu(building);
  const ended = await building.ended;
  expect(stagesOf(ended)).toMatchObject({
    media: expect.any(String),
    machine: expect.stringContaining('8 GiB disk'),
    start: expect.stringMatching(/^VirtualBox \d/),
  });
  const failure = saidOf(ended, 'build-failed')?.['failure'];
  expect(failure).toMatchObject({ kind: 'machine', code: 'time-limit', stage: 'boot' });
  expect(ended.status).toBe(6);
  const { folder } = failure as { folder: string };
  const console = await readFile(join(folder, 'console.log'), 'latin1');
  expect(console).toContain(MODES[0]?.title);
  expect((await readFile(join(folder, 'screen.png'))).toString('latin1', 1, 4)).toBe('PNG');
  expect((await virtualbox.manage('list', 'vms')).stdout).toBe('');
});

/** An idle computer shows the menu in less than a minute. The kernel’s first words would come minutes later. */
const BOOT_SECONDS = 180;

/**
 * The medium says nothing until its constructor starts, unless it is asked to: Shift, held while it starts,
 * shows its menu, on the serial line too.
 */
async function askForMenu({ said, ended }: PvmcProcess): Promise<void> {
  const folder = String(said.find(({ type }) => type === 'build-started')?.['folder']);
  const { stdout } = await virtualbox.manage('list', 'runningvms');
  const machine = /\{(.+)\}/.exec(stdout)?.[1] ?? '';
  const over = ended.then(() => true);
  const shown = async () =>
    (await readFile(join(folder, 'console.log'), 'latin1')).includes(MODES[0]?.title ?? '');
  while (!(await Promise.race([over, sleep(1000, false)])) && !(await shown()))
    await virtualbox
      .manage('controlvm', machine, 'keyboardputscancode', SHIFT_DOWN)
      .catch(() => {});
}

/** A keyboard's scan code. */
const SHIFT_DOWN = '2a';

test('all stages, with a constructor of one sector; what it exports boots', async () => {
  await mkdir(out);
  const manifest = join(out, 'appliance.yaml');
  await writeFile(manifest, 'name: tiny\nversion: "1"\nmachine:\n  disk: 2 GiB\n');
  const ended = await build(manifest, '--medium', await tinyMedium(), '--no-verify').ended;
  expect(ended.stderr).toBe('');
  expect(ended.status).toBe(0);
  expect(stagesOf(ended)).toMatchObject({ boot: 'Linux 6', construct: 'in the guest 1.0 s' });
  expect((await virtualbox.manage('list', 'vms')).stdout).toBe('');
  expect((await virtualbox.manage('list', 'hdds')).stdout).toBe('');

  const console = join(virtualbox.folder, 'console.log');
  await virtualbox.manage('import', join(out, 'tiny-1.ova'));
  const serialLine = ['--uart1', '0x3F8', '4', '--uartmode1', 'file', console];
  await virtualbox.manage('modifyvm', 'tiny', ...serialLine);
  await virtualbox.manage('startvm', 'tiny', '--type', 'headless');
  const limit = performance.now() + 120_000;
  while ((await stat(console)).size < CONSOLE.length && performance.now() < limit) await sleep(500);
  expect(await readFile(console, 'latin1')).toContain(CONSOLE);
});

const CONSOLE = 'tiny\r\n';

/** A PVMC ISO as far as its name goes, which boots into one sector. */
async function tinyMedium(): Promise<string> {
  const content = join(out, 'medium');
  await mkdir(content);
  const link = [
    encodeMessage({ type: 'hello', constructor: 'tiny', kernel: '6', uptimeSeconds: 1 }),
    encodeMessage({ type: 'verdict', verdict: { ok: true, seconds: 1 } }),
  ].join('');
  const sector = tinyGuest({ console: CONSOLE, link, ending: 'copy-and-power-off' });
  await writeFile(join(content, 'boot'), Buffer.concat([sector], 2048));
  const path = join(out, 'tiny.iso');
  const boot = ['-b', 'boot', '-no-emul-boot', '-boot-load-size', '4'];
  await run([
    'xorriso',
    '-as',
    'mkisofs',
    '-quiet',
    '-V',
    'PVMC_TINY',
    ...boot,
    '-o',
    path,
    content,
  ]);
  return path;
}
