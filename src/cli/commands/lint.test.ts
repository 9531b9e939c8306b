/** `pvmc lint` as a user runs it. */
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../appliance/testing/fixtures.ts';
import { putTogether } from '../../appliance/testing/tampering.ts';
import { allRules } from '../../lint/rules.ts';
import { OVF, part, parts, withDescriptor } from '../../lint/testing/small-appliance.ts';
import { lintAppliance } from '../../pipeline/lint-file.ts';
import { runCommandLine } from '../command-line.ts';

import { standIn } from '../testing/stand-in.ts';
import { FakeTerminal, surroundingsOf } from '../testing/terminal.ts';

let outer: Awaited<ReturnType<typeof temporaryFolder>>;
const inside = (name: string) => join(outer.path, name);
beforeAll(async () => {
  outer = await temporaryFolder();
  await writeFile(inside('good.ova'), putTogether(parts));
  await writeFile(inside('warned.ova'), putTogether(parts).subarray(0, -1024));
  const family = (text: string) => text.replace('vmx-14', 'virtualbox-2.2');
  await writeFile(inside('good.OVF'), part(OVF));
  await symlink('good.OVF', inside('link'));
  await writeFile(inside('wrong.ova'), withDescriptor(family));
});
afterAll(() => outer[Symbol.asyncDispose]());

async function lint(...args: readonly string[]) {
  const stdout = new FakeTerminal({ isTTY: false });
  const stderr = new FakeTerminal({ isTTY: false });
  const surroundings = surroundingsOf(stdout, { stderr, workingFolder: outer.path });
  const { signal } = new AbortController();
  const interruption = { signal, tell: () => {}, abandon: () => {}, dispose: () => {} };
  // Starts nothing, so it is the real one.
  const program = { ...standIn(), lintAppliance };
  const status = await runCommandLine(['lint', ...args], { program, surroundings, interruption });
  return { status, stdout: stdout.written, stderr: stderr.written };
}

it('says that nothing was found', async () => {
  const { status, stdout } = await lint(inside('good.ova'));
  expect(stdout).toBe('✓ nothing found, in 3 files\n');
  expect(status).toBe(0);
});

it('tells an error with its place, who breaks on it and what to do, and fails', async () => {
  const { status, stdout, stderr } = await lint(inside('wrong.ova'));
  expect(stdout.split('\n')).toEqual([
    '✗ error L315 system-type-virtualbox: the hardware is of a family that VMware does not know',
    '    tiny-1.0.ovf:30:9: the hardware family is "virtualbox-2.2"',
    `    breaks: ESXi, Workstation: "Unsupported hardware family 'virtualbox-2.2'"`,
    '    Write `vmx-14`, and see that controllers and cards are ones that VMware has: LsiLogic, E1000.',
    '',
  ]);
  expect(stderr).toContain('has 1 error');
  expect(stderr).toContain('lint-errors');
  expect(status).toBe(9);
});

it('does not call a disk of another format a broken archive', async () => {
  await writeFile(inside('disk.qcow2'), 'QFI\u00fb');
  const { status, stderr } = await lint(inside('disk.qcow2'));
  expect(stderr).toContain('it looks at an OVA, an OVF or a VMDK');
  expect(stderr).toContain('lint-no-rules');
  expect(status).toBe(9);
});

it('fails for a warning only when it is told to', async () => {
  expect((await lint(inside('warned.ova'))).status).toBe(0);
  const { status, stderr } = await lint('--strict', inside('warned.ova'));
  expect(stderr).toContain('lint-warnings');
  expect(status).toBe(9);
});

it('tells reasons and sources when it is asked for more', async () => {
  const { stdout } = await lint('--verbose', inside('wrong.ova'));
  expect(stdout).toContain('    why: `VirtualSystemType` names families');
  expect(stdout).toContain('https://github.com/cyphonmdr/cyphon/issues/176');
});

it('gives programs an object', async () => {
  const { stdout } = await lint('--json', inside('wrong.ova'));
  const [, linted] = stdout.split('\n').map((line) => (line === '' ? {} : JSON.parse(line)));
  expect(linted).toMatchObject({
    type: 'linted',
    kind: 'ova',
    findings: [
      {
        number: 'L315',
        name: 'system-type-virtualbox',
        severity: 'error',
        member: 'tiny-1.0.ovf',
        line: 30,
        column: 9,
        repair: 'no',
      },
    ],
  });
});

it('lists the rules', async () => {
  const { stdout, status } = await lint('--rules');
  expect(stdout.split('\n')).toHaveLength(allRules().length + 1);
  expect(stdout).toContain('L122  descriptor-not-first');
  expect(status).toBe(0);
});

describe('--fix', () => {
  it('writes a new file, and says what it has mended', async () => {
    const { status, stdout } = await lint(
      '--fix',
      '-o',
      inside('mended.ova'),
      inside('warned.ova'),
    );
    expect(stdout.split('\n')).toEqual([
      '✓ mended: L104 end-missing',
      '  mended.ova',
      '',
      '✓ nothing found, in 3 files',
      '',
    ]);
    expect(status).toBe(0);
    expect(await readFile(inside('mended.ova'))).toEqual(await readFile(inside('good.ova')));
  });

  it.each<readonly [string, () => string[], string]>([
    ['no place', () => ['--fix', inside('warned.ova')], 'lint-output-unclear'],
    [
      'a place, but nothing to do',
      () => ['-o', 'x.ova', inside('good.ova')],
      'lint-output-unclear',
    ],
    [
      'two places',
      () => ['--fix', '--in-place', '-o', 'x.ova', inside('good.ova')],
      'lint-output-unclear',
    ],
    [
      'an OVF to be an OVF',
      () => ['--fix', '-o', inside('x.ovf'), inside('good.OVF')],
      'lint-output-unclear',
    ],
    [
      'an OVF in its place, by a link',
      () => ['--fix', '--in-place', inside('link')],
      'lint-output-unclear',
    ],
    ['no file', () => [], 'argument-missing'],
    ['a file that is not there', () => [inside('none.ova')], 'file-missing'],
    [
      'a file that is there for the output',
      () => ['--fix', '-o', inside('wrong.ova'), inside('warned.ova')],
      'output-exists',
    ],
    [
      'the input for the output',
      () => ['--fix', '-o', inside('warned.ova'), inside('warned.ova')],
      'output-exists',
    ],
  ])('refuses when it is given %s', async (_, args, code) => {
    const before = await readdir(outer.path);
    const { stdout } = await lint('--json', ...args());
    expect(stdout).toContain(`"code":"${code}"`);
    expect(await readdir(outer.path)).toEqual(before);
  });
});
