/**
 * Installs the packages with dpkg, inside the root, batch by batch: dpkg refuses to unpack a package
 * before what it pre-depends on is configured, and the batches were chosen so that it never has to.
 */
import { join } from 'node:path';
import type { ResolvedPackage } from '../../manifest/installation-manifest.ts';
import { counted } from '../../system/counted.ts';
import { PvmcError } from '../../system/error.ts';
import type { Progress } from '../../system/progress.ts';
import type { InstallContext, Step } from '../step.ts';
import { PACKAGES_INSIDE_ROOT } from './bootstrap.ts';
import { packageFile } from './fetch.ts';

export const install: Step<InstallContext> = {
  name: 'install',
  title: 'Install the packages',
  plan: ({ packages }) => [
    `dpkg --install, in ${counted(1 + Math.max(...packages.map((one) => one.batch)), 'batch', 'batches')}, what is depended on first`,
    packages.map((one) => one.name).join(' '),
  ],
  async run(context) {
    const { packages } = context.manifest;
    const watch = new DpkgWatch(packages.length, context.progress);
    const last = Math.max(...packages.map((one) => one.batch));
    for (let batch = 0; batch <= last; batch += 1) {
      await installBatch(
        context,
        packages.filter((one) => one.batch === batch),
        watch,
      );
    }
    await context.runInRoot(['dpkg', '--audit']);
  },
};

async function installBatch(
  context: InstallContext,
  packages: readonly ResolvedPackage[],
  watch: DpkgWatch,
): Promise<void> {
  if (packages.length === 0) return;
  const files = packages.map((one) => packageFile(join('/', PACKAGES_INSIDE_ROOT), one));
  // The essential packages depend on each other in circles.
  const force = packages[0]?.batch === 0 ? ['--force-depends'] : [];
  const { status } = await context.runInRoot(['dpkg', ...force, '--install', ...files], {
    env: INSTALL_ENVIRONMENT,
    output: 'quiet',
    onLine: (line) => watch.see(line),
    accept: [0, 1, 2],
  });
  if (status !== 0) throw watch.failure();
}

/**
 * No questions; and no initramfs for now, since one is made when everything that goes into it is
 * there: the kernel's hooks would make one at each of several occasions, a minute each when emulated.
 */
const INSTALL_ENVIRONMENT: Readonly<Record<string, string>> = {
  DEBIAN_FRONTEND: 'noninteractive',
  DEBCONF_NONINTERACTIVE_SEEN: 'true',
  INITRD: 'No',
};

const KEPT_LINES = 15;

/** Reads what dpkg says: how far it is, and what went wrong. */
export class DpkgWatch {
  readonly #errors: string[] = [];
  readonly #lastLines: string[] = [];
  /** The line after an error says why. */
  #awaitsReason = false;
  #unpacked = 0;
  #configured = 0;
  readonly #total: number;
  readonly #progress: Progress;

  constructor(total: number, progress: Progress) {
    this.#total = total;
    this.#progress = progress;
  }

  see(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > KEPT_LINES) this.#lastLines.shift();
    this.#progress.log(line, 'dpkg');
    if (line.startsWith('Unpacking ')) this.#unpacked += 1;
    else if (line.startsWith('Setting up ')) this.#configured += 1;
    else return this.#lookForError(line);
    // A package is half done when it is unpacked.
    const done = Math.min((this.#unpacked + this.#configured) / 2, this.#total);
    this.#progress.amount({ done, total: this.#total, unit: 'packages' });
  }

  failure(): PvmcError {
    const [first = 'dpkg failed', ...more] = this.#errors;
    return new PvmcError({
      kind: 'construct',
      code: 'install-failed',
      message: `the packages could not be installed: ${first}`,
      details: [...more, ...this.#lastLines],
      hint: 'The lines above are dpkg’s last. Its whole output is in the guest’s log.',
    });
  }

  #lookForError(line: string): void {
    if (line.startsWith('dpkg: error')) {
      this.#errors.push(line.replace(/^dpkg: /, ''));
      this.#awaitsReason = line.endsWith(':');
    } else if (this.#awaitsReason && line.startsWith(' ')) {
      this.#errors.push(`${this.#errors.pop()} ${line.trim()}`);
      this.#awaitsReason = false;
    }
  }
}
