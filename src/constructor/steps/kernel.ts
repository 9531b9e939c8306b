/**
 * Makes the initramfs, once, when everything that goes into it is there. Debian's default
 * (`MODULES=most`) holds the drivers of every hypervisor and of metal, and stays what it is when the
 * appliance's user installs a new kernel.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PvmcError } from '../../system/error.ts';
import type { Context, Step } from '../step.ts';

export const kernel: Step = {
  name: 'kernel',
  title: 'Make the initramfs',
  async run(context) {
    for (const version of await kernelVersions(context)) {
      await context.runInRoot(['update-initramfs', '-c', '-k', version]);
    }
  },
};

/** The versions of the installed kernels, the newest last. */
export async function kernelVersions(context: Context): Promise<readonly [string, ...string[]]> {
  const prefix = 'vmlinuz-';
  const names = (await readdir(join(context.workspace.root, 'boot'))).filter((name) =>
    name.startsWith(prefix),
  );
  const [first, ...rest] = names.map((name) => name.slice(prefix.length)).sort(byVersion);
  if (first === undefined) {
    throw new PvmcError({
      kind: 'construct',
      code: 'no-kernel',
      message: 'the packages brought no kernel: /boot holds no vmlinuz',
    });
  }
  return [first, ...rest];
}

function byVersion(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
