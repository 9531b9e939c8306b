/**
 * Lays down the essential packages' files, without running anything of theirs yet: dpkg's maintainer
 * scripts need a shell, coreutils and a C library before the first of them can run. dpkg itself
 * installs the same packages properly in the next step.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { ResolvedPackage } from '../../manifest/installation-manifest.ts';
import { eachConcurrently } from '../../system/concurrently.ts';
import { counted } from '../../system/counted.ts';
import type { InstallContext, Step } from '../step.ts';
import { packageFile } from './fetch.ts';

export const bootstrap: Step<InstallContext> = {
  name: 'bootstrap',
  title: 'Lay down the essential packages',
  plan: ({ packages }) => [
    `dpkg-deb --extract of the ${counted(packages.filter(isEssential).length, 'package')} that maintainer scripts rely on`,
  ],
  async run(context) {
    await extractAll(context, context.manifest.packages.filter(isEssential));
    await prepareDatabase(context.workspace.root);
    await keepServicesStill(context.workspace.root);
    await mountKernelInterfaces(context);
  },
};

/** Each processor extracts one package at a time; most of that is decompression. */
async function extractAll(
  context: InstallContext,
  packages: readonly ResolvedPackage[],
): Promise<void> {
  const { root, packages: folder } = context.workspace;
  const concurrency = { limit: availableParallelism(), signal: context.progress.signal };
  let done = 0;
  await eachConcurrently(packages, concurrency, async (one) => {
    await context.run(['dpkg-deb', '--extract', packageFile(folder, one), root]);
    done += 1;
    context.progress.amount({ done, total: packages.length, unit: 'packages' });
  });
}

/** What dpkg expects to find and no package brings. */
async function prepareDatabase(root: string): Promise<void> {
  const database = join(root, 'var/lib/dpkg');
  await mkdir(database, { recursive: true });
  await writeFile(join(database, 'status'), '', { flag: 'a' });
  await writeFile(join(database, 'available'), '', { flag: 'a' });
  // Everything is synced once at the end; dpkg need not do it for each file.
  await mkdir(join(root, 'etc/dpkg/dpkg.cfg.d'), { recursive: true });
  await writeFile(
    join(root, CONSTRUCTION_DPKG_CONFIGURATION),
    'force-unsafe-io\nforce-confdef\nforce-confold\n',
  );
}

/** dpkg's settings for the construction only; the `clean` step removes it. */
export const CONSTRUCTION_DPKG_CONFIGURATION = 'etc/dpkg/dpkg.cfg.d/pvmc-construction';
/** Tells packages not to start services in a system that is not running; `clean` removes it. */
export const POLICY_FILE = 'usr/sbin/policy-rc.d';

async function keepServicesStill(root: string): Promise<void> {
  await mkdir(join(root, 'usr/sbin'), { recursive: true });
  await writeFile(join(root, POLICY_FILE), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
}

/** Kernel file systems for the programs that run inside; `/run` and `/tmp` leave nothing behind. */
export async function mountKernelInterfaces(context: InstallContext): Promise<void> {
  const { root, packages } = context.workspace;
  const mounts: readonly (readonly string[])[] = [
    ['-t', 'proc', 'proc', join(root, 'proc')],
    ['-t', 'sysfs', '-o', 'ro', 'sysfs', join(root, 'sys')],
    ['--rbind', '--make-rslave', '/dev', join(root, 'dev')],
    ['-t', 'tmpfs', '-o', 'mode=0755', 'tmpfs', join(root, 'run')],
    ['-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs', join(root, 'tmp')],
  ];
  for (const mount of mounts) {
    await context.run(['mount', ...mount]);
    const target = mount.at(-1) ?? '';
    context.workspace.holdsRoot.add(`the mount ${target}`, async () => {
      await context.run(['umount', '--recursive', target]);
    });
  }
  const inside = join(root, PACKAGES_INSIDE_ROOT);
  await mkdir(inside, { recursive: true });
  await context.run(['mount', '--bind', packages, inside]);
  context.workspace.holdsRoot.add('the package folder in the root', async () => {
    await context.run(['umount', inside]);
  });
}

/** Where the package files are seen from inside the root. */
export const PACKAGES_INSIDE_ROOT = 'run/pvmc-packages';

function isEssential({ batch }: ResolvedPackage): boolean {
  return batch === 0;
}
