import { expect, test } from 'vitest';
import { run } from '../../system/run.ts';
import { systemFiles } from './system.ts';
import { KEPT_UNITS } from './units.ts';

const files = systemFiles();

function contentOf(path: string): string {
  const file = files.find((one) => one.path === path);
  if (!file || !('content' in file)) throw new Error(`no file ${path}`);
  return file.content;
}

test('every path is there once', () => {
  const paths = files.map(({ path }) => path);
  expect(new Set(paths).size).toBe(paths.length);
});

test('units want only units that are there', () => {
  const folder = 'usr/lib/systemd/system/';
  const ours = files.filter(({ path }) => path.startsWith(folder));
  const known = new Set([...KEPT_UNITS, ...ours.map(({ path }) => path.slice(folder.length))]);
  const wanted = ours
    .flatMap(({ path }) => [
      ...contentOf(path).matchAll(/^(?:Wants|Requires|Sockets|Unit|Service)=(.*)$/gm),
    ])
    .flatMap(([, names = '']) => names.split(' '))
    .map((name) => (known.has(name) ? name : name.replace(/@[^.]*\./, '@.')));
  expect(wanted).toContain('pvmc-constructor.service');
  expect(wanted.filter((name) => !known.has(name))).toEqual([]);
});

test('the constructor starts after the network, and the login after the constructor', () => {
  const unit = (name: string) => contentOf(`usr/lib/systemd/system/${name}`);
  expect(unit('pvmc-constructor.service')).toMatch(/^After=.*\bnetwork\.target\b/m);
  expect(unit('getty@.service')).toMatch(/^After=pvmc-constructor\.service$/m);
  expect(unit('serial-getty@.service')).toMatch(/^After=pvmc-constructor\.service$/m);
});

test.each([
  ['usr/lib/pvmc/start-constructor', 'bash'],
  ['usr/lib/pvmc/write-resolv-conf', 'sh'],
  ['etc/profile', 'sh'],
])('%s is a script that %s can read', async (path, shell) => {
  await run([shell, '-n'], { input: contentOf(path) });
});

test('the profile ends well in a shell that nobody sits at', async () => {
  await run(['bash', '-eu'], {
    input: `PS1=; ${contentOf('etc/profile')}`.replace('return 0', 'exit 0'),
  });
});

test('what the profile says fits a screen of 80 columns', () => {
  const said = [...contentOf('etc/profile').matchAll(/^ {4}'(.*?)'/gm)].map(
    ([, line = '']) => line,
  );
  expect(said.length).toBeGreaterThan(5);
  expect(said.filter((line) => line.length >= 80)).toEqual([]);
});
