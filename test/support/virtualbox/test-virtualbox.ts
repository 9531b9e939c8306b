/**
 * A VirtualBox of a test's own: its settings, machines and server (VBoxSVC) are shared with nobody, and
 * all of it goes when the test ends. `program` is its VBoxManage, for whoever takes the path of one.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { commandLine, type RunResult, run } from '../../../src/system/run.ts';
import { PROGRAMS, virtualBoxRoot } from './root.ts';

const ENTER = fileURLToPath(new URL('enter.sh', import.meta.url));

/**
 * For all machines, without a word in their own settings: run in the interpreter, and let the guest's
 * clock follow it. KVM's clock would not, so guests are not offered one.
 */
const FOR_ALL_MACHINES = { 'HM/FallbackToIEM': '1', 'GIM/Provider': 'None' };

export interface TestVirtualBoxOptions {
  /**
   * The speed of the guest's clock. At 100 every timer of a guest fires ten times as often, for the
   * instructions that it gets done, as it would on a real processor: a kernel does little else then.
   */
  readonly clockPercent?: number;
}

export class TestVirtualBox {
  /** Everything of this VirtualBox. */
  readonly folder: string;
  /** Its VBoxManage. */
  readonly program: string;
  readonly #id: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.program = join(folder, 'bin/VBoxManage');
    this.#id = basename(folder);
  }

  /** Needs a root that is there (`whyNoVirtualBox`). */
  static async install({ clockPercent = 100 }: TestVirtualBoxOptions = {}) {
    const root = await virtualBoxRoot();
    if ('missing' in root) throw new Error(root.missing);
    const installed = new TestVirtualBox(await mkdtemp(join(tmpdir(), 'pvmc-virtualbox-')));
    await installed.#writeProgram(root.path);
    await installed.manage('setproperty', 'machinefolder', join(installed.folder, 'machines'));
    const settings = { ...FOR_ALL_MACHINES, 'TM/WarpDrivePercentage': String(clockPercent) };
    for (const [name, value] of Object.entries(settings))
      await installed.manage('setextradata', 'global', `VBoxInternal/${name}`, value);
    return installed;
  }

  /** Runs its VBoxManage. @throws PvmcError `program-failed` */
  manage(...args: readonly string[]): Promise<RunResult> {
    return run([this.program, ...args]);
  }

  /** Ends whatever runs of it, and removes it. */
  async remove(): Promise<void> {
    for (let tries = 0; (await this.#endProcesses()) > 0 && tries < 100; tries += 1)
      await sleep(50);
    await rm(`/tmp/.vbox-${this.#id}-ipc`, { recursive: true, force: true });
    await rm(this.folder, { recursive: true, force: true });
  }

  async #writeProgram(root: string): Promise<void> {
    const home = join(this.folder, 'home');
    await mkdir(home);
    await mkdir(join(this.folder, 'bin'));
    const environment = [
      `HOME=${home}`,
      `VBOX_USER_HOME=${home}`,
      `VBOX_IPC_SOCKETID=${this.#id}`,
      `LOGNAME=${this.#id}`,
      `USER=${this.#id}`,
    ];
    const command = ['env', ...environment, 'sh', ENTER, root, `/${PROGRAMS}/VBoxManage`];
    const script = `#!/bin/sh\nexec ${commandLine(command)} "$@"\n`;
    await writeFile(this.program, script, { mode: 0o755 });
  }

  /** Returns how many there were: all have our id in their environment. */
  async #endProcesses(): Promise<number> {
    let found = 0;
    for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
      const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
      if (!environment.includes(`VBOX_IPC_SOCKETID=${this.#id}\0`)) continue;
      found += 1;
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It has just gone by itself.
      }
    }
    return found;
  }
}

/** Why there is no VirtualBox to test with, for the note of a skipped test; undefined when there is one. */
export async function whyNoVirtualBox(): Promise<string | undefined> {
  const root = await virtualBoxRoot();
  return 'missing' in root ? root.missing : undefined;
}
