import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Amount, quietProgress } from '../../system/progress.ts';
import { run } from '../../system/run.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { DpkgWatch } from './install.ts';

interface TinyPackage {
  readonly name: string;
  readonly file?: string;
  readonly depends?: string;
}

async function makePackage(folder: string, { name, file = name, depends }: TinyPackage) {
  const tree = join(folder, name);
  await mkdir(join(tree, 'DEBIAN'), { recursive: true });
  await writeFile(join(tree, file), name);
  const fields = [
    `Package: ${name}`,
    'Version: 1.0',
    'Architecture: all',
    'Maintainer: Nobody <nobody@example.org>',
    ...(depends === undefined ? [] : [`Depends: ${depends}`]),
    'Description: a tiny one',
  ];
  await writeFile(join(tree, 'DEBIAN/control'), `${fields.join('\n')}\n`);
  await run(['dpkg-deb', '--build', tree]);
  return `${tree}.deb`;
}

/** Installs packages with the real dpkg into a tree, as whoever runs the test. */
async function installing(folder: string, packages: readonly TinyPackage[]) {
  const root = join(folder, 'root');
  await mkdir(join(root, 'var/lib/dpkg/updates'), { recursive: true });
  await mkdir(join(root, 'var/lib/dpkg/info'));
  await writeFile(join(root, 'var/lib/dpkg/status'), '');
  const files = await Promise.all(packages.map((one) => makePackage(folder, one)));
  const amounts: Amount[] = [];
  const logged: string[] = [];
  const watch = new DpkgWatch(packages.length, {
    ...quietProgress(),
    amount: (amount) => void amounts.push(amount),
    log: (line) => void logged.push(line),
  });
  const options = [`--root=${root}`, '--force-not-root', '--force-bad-path'];
  const { status } = await run(['dpkg', ...options, '--install', ...files], {
    accept: [0, 1],
    log: (line) => watch.see(line),
  });
  return { status, watch, amounts, logged };
}

test('a package is half done when it is unpacked, and all are done at the end', async () => {
  await using folder = await temporaryFolder();
  const packages = [{ name: 'one' }, { name: 'two' }];
  const { status, amounts, logged } = await installing(folder.path, packages);
  expect(status).toBe(0);
  expect(amounts).toEqual([0.5, 1, 1.5, 2].map((done) => ({ done, total: 2, unit: 'packages' })));
  expect(logged).toContain('Setting up two (1.0) ...');
});

test('a failure says which package, and why', async () => {
  await using folder = await temporaryFolder();
  const packages = [{ name: 'one', depends: 'nothing-there' }];
  const { status, watch } = await installing(folder.path, packages);
  expect(status).toBe(1);
  const failure = watch.failure();
  expect(failure.code).toBe('install-failed');
  expect(failure.message).toBe(
    'the packages could not be installed: error processing package one (--install): dependency problems - leaving unconfigured',
  );
  expect(failure.details).toContain(' one depends on nothing-there; however:');
});

test('the reason is not lost when many packages follow the one that failed', async () => {
  await using folder = await temporaryFolder();
  const rest = Array.from({ length: 6 }, (_, index) => ({ name: `fine${index}` }));
  const clashing = [{ name: 'one', file: 'same' }, { name: 'two', file: 'same' }, ...rest];
  const { status, watch } = await installing(folder.path, clashing);
  expect(status).toBe(1);
  const { message, details } = watch.failure();
  expect(message).toContain('error processing archive');
  expect(message).toContain("trying to overwrite '/same', which is also in package one 1.0");
  expect(details.length).toBeLessThanOrEqual(15);
});
