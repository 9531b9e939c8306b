/**
 * The OVA of the main job, started in a real VirtualBox under BIOS and UEFI. VirtualBox's interpreter gets some
 * nine million instructions a second done, so a start is not followed further than the kernel's first words.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, type TestContext, test } from 'vitest';
import type { Firmware } from '../../src/hypervisors/hypervisor.ts';
import { parseMachineReadable } from '../../src/hypervisors/virtualbox/machine-readable.ts';
import { type HelloBuild, helloBuild } from '../support/hello-build.ts';
import { ovaFor } from '../support/virtualbox/hello-ova.ts';
import { TestVirtualBox, whyNoVirtualBox } from '../support/virtualbox/test-virtualbox.ts';

let skipped: string | undefined;
let hello: HelloBuild;

beforeAll(async () => {
  skipped = await whyNoVirtualBox();
  if (skipped === undefined) hello = await helloBuild();
});

// Side by side: each keeps one processor busy.
test.concurrent('the OVA starts under BIOS: its boot loader and its kernel speak', async (context) => {
  await withStarted('bios', context, async (machine) => {
    // The last entry of the menu is without `quiet`. A key that is pressed too early waits for the menu.
    await machine.said(RECOVERY, () => machine.press(CURSOR_DOWN));
    await machine.press(CURSOR_DOWN);
    await machine.press(ENTER);
    await machine.said(/Linux version \d+\.\d+.*Debian/);
    await machine.said(/Command line: .*root=UUID=\S+ ro .*single/);
  });
});

// Its firmware interprets so much that the kernel would come after ten minutes.
test.concurrent('the OVA starts under UEFI: its boot loader speaks', async (context) => {
  await withStarted('uefi', context, async (machine) => {
    await machine.said(RECOVERY);
    expect((await machine.settings()).get('firmware')).toBe('EFI');
  });
});

/** In the menu of the appliance's GRUB. */
const RECOVERY = /Debian GNU\/Linux \(recovery mode\)/;

/** Two or three minutes on an idle computer. */
const START_SECONDS = 600;

async function withStarted(
  firmware: Firmware,
  { skip }: TestContext,
  work: (machine: StartedHello) => Promise<void>,
): Promise<void> {
  if (skipped !== undefined) skip(skipped);
  const machine = await StartedHello.start(await ovaFor(firmware, hello));
  try {
    await work(machine);
  } finally {
    await machine.remove();
  }
}

/** Scan codes of a keyboard: a key goes down, and up. */
const CURSOR_DOWN = ['e0', '50', 'e0', 'd0'];
const ENTER = ['1c', '9c'];

/** Imported into a VirtualBox of its own, with a serial line, and switched on. */
class StartedHello {
  readonly #virtualbox: TestVirtualBox;
  readonly #console: string;

  private constructor(virtualbox: TestVirtualBox) {
    this.#virtualbox = virtualbox;
    this.#console = join(virtualbox.folder, 'console.log');
  }

  static async start(ova: string): Promise<StartedHello> {
    const started = new StartedHello(await TestVirtualBox.install());
    try {
      await started.#manage('import', ova, '--vsys', '0', '--vmname', 'hello');
      const serialLine = ['--uart1', '0x3F8', '4', '--uartmode1', 'file', started.#console];
      await started.#manage('modifyvm', 'hello', ...serialLine);
      await started.#manage('startvm', 'hello', '--type', 'headless');
      return started;
    } catch (thrown) {
      await started.remove();
      throw thrown;
    }
  }

  async settings(): Promise<ReadonlyMap<string, string>> {
    const { stdout } = await this.#manage('showvminfo', 'hello', '--machinereadable');
    return parseMachineReadable(stdout);
  }

  async press(codes: readonly string[]): Promise<void> {
    await this.#manage('controlvm', 'hello', 'keyboardputscancode', ...codes);
  }

  /** Waits until the console's log has it. */
  async said(pattern: RegExp, meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    const limit = performance.now() + START_SECONDS * 1000;
    for (;;) {
      const text = await readFile(this.#console, 'latin1').catch(() => '');
      if (pattern.test(text)) return;
      if (performance.now() > limit)
        throw new Error(`${pattern} was not said in ${START_SECONDS} s; the console:\n${text}`);
      const state = (await this.settings()).get('VMState');
      if (state !== 'running') throw new Error(`the machine is ${state}; the console:\n${text}`);
      await meanwhile();
      await sleep(2000);
    }
  }

  remove(): Promise<void> {
    return this.#virtualbox.remove();
  }

  #manage(...args: readonly string[]) {
    return this.#virtualbox.manage(...args);
  }
}
