/**
 * The launcher on a computer that lacks things. Programs are hidden by a PATH of our own making; in
 * the place of apt-get, npm and the like stand programs that write down how they were called, since a
 * test must not install anything.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ROOT } from './support/repository-files.ts';

const PROGRAMS = ['sh', 'readlink', 'dirname', 'find', 'env', 'grep', 'flock', 'sleep'];

const debianPackages = z
  .array(
    z.strictObject({
      package: z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/),
      look: z.string().regex(/^(command:[\w.-]+|file:\/[\w./-]+)$/),
      for: z.enum(['program', 'main', 'tests']),
      // The launcher reads the list without a JSON parser.
      why: z.string().regex(/^[^"\\]+$/),
    }),
  )
  .parse(JSON.parse(readFileSync(join(ROOT, 'scripts/debian-packages.json'), 'utf8')));

let folder = '';
/** A clone in which nothing is left to do. */
let clone = '';
/** All programs that there are; those of /usr/sbin cannot be hidden. */
let bin = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pvmc-launcher-'));
  clone = join(folder, 'clone');
  bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const file of ['pvmc', 'scripts', 'package.json', 'package-lock.json', 'build.mjs']) {
    cpSync(join(ROOT, file), join(clone, file), { recursive: true });
  }
  mkdirSync(join(clone, 'src'));
  mkdirSync(join(clone, 'node_modules'));
  mkdirSync(join(clone, 'dist'));
  writeFileSync(join(clone, 'node_modules/.package-lock.json'), '{}');
  writeFileSync(join(clone, 'dist/.stamp'), '');
  for (const program of PROGRAMS) symlinkSync(wherever(program), join(bin, program));
  symlinkSync(process.execPath, join(bin, 'node'));
  for (const { look } of debianPackages) {
    const program = look.replace('command:', '');
    if (program !== look && program !== 'node') standIn(program, 'exit 0');
  }
  standIn('apt-cache', 'echo "  Candidate: 1"');
  standIn('apt-get', 'exit 0');
  standIn('npm', 'exit 0');
  standIn('dpkg', 'exit 0');
  standIn('id', 'echo 0');
  writeFileSync(join(clone, 'dist/pvmc.js'), 'console.log(JSON.stringify(process.argv.slice(2)))');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('when nothing is missing', () => {
  test('says nothing and hands all arguments on', () => {
    const result = launch(['build', 'a b', '--yes', '--', '--help', '*']);
    expect(result).toEqual({
      status: 0,
      stdout: '["build","a b","--yes","--","--help","*"]\n',
      stderr: '',
      calls: [],
    });
  });

  test('works through symbolic links, from anywhere', () => {
    mkdirSync(join(folder, 'links'));
    symlinkSync('../clone/pvmc', join(folder, 'links/first'));
    symlinkSync('links/first', join(folder, 'second'));
    expect(launch(['x'], join(folder, 'second')).stdout).toBe('["x"]\n');
  });

  test("returns the program's exit status", () => {
    writeFileSync(join(clone, 'dist/pvmc.js'), 'process.exit(42)');
    expect(launch(['x']).status).toBe(42);
  });
});

describe('a Debian package that is missing', () => {
  beforeEach((context) => {
    const isDebian = /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'));
    context.skip(!isDebian, 'packages are installed on Debian only');
  });

  test('is named with its reason, then installed', () => {
    hide('qemu-system-x86_64');
    hide('xorriso');
    standIn(
      'apt-get',
      `for made in qemu-system-x86_64 xorriso; do : >"${bin}/$made"; done
      /bin/chmod +x "${bin}"/*`,
    );
    const result = launch(['build', 'x']);
    expect(result.stderr).toBe(`pvmc: something is to be installed before this can run.
  Debian packages:
    qemu-system-x86         runs the machine in which an appliance is built and verified (no qemu-system-x86_64)
    xorriso                 writes the PVMC ISO (no xorriso)
  by these commands:
    apt-get install --yes --no-install-recommends qemu-system-x86 xorriso
`);
    expect(result.calls).toEqual([
      expect.stringMatching(
        /^apt-get .* install --yes --no-install-recommends qemu-system-x86 xorriso$/,
      ),
    ]);
    expect(result.stdout).toBe('["build","x"]\n');
  });

  test('leads to apt-get update only when apt does not know it', () => {
    hide('xorriso');
    standIn('apt-cache', 'echo "  Candidate: (none)"');
    standIn(
      'apt-get',
      `case "$*" in *update) ;; *) : >"${bin}/xorriso"; /bin/chmod +x "${bin}/xorriso" ;; esac`,
    );
    const { calls, status } = launch(['x']);
    expect(status).toBe(0);
    expect(calls).toEqual([
      expect.stringMatching(/ update$/),
      expect.stringMatching(/ install .* xorriso$/),
    ]);
  });

  test('is looked for once more with fresh lists when apt-get fails', () => {
    hide('xorriso');
    standIn('apt-get', 'echo "E: 404 Not Found" >&2; exit 100');
    const { calls, status, stderr } = launch(['x']);
    expect(status).toBe(4);
    expect(
      calls.map((call) => call.split(' ').find((word) => /^(update|install)$/.test(word))),
    ).toEqual(['install', 'update', 'install']);
    expect(stderr).toContain('E: 404 Not Found');
    expect(stderr).toContain(`pvmc: apt-get could not install what is missing; its reason is above
  When the archive does not answer, look at the network and at /etc/apt/sources.list*.
  By hand: apt-get update && apt-get install --yes --no-install-recommends xorriso
`);
  });

  test('that brings not what it should is an error', () => {
    hide('xorriso');
    const { status, stderr } = launch(['x']);
    expect(status).toBe(4);
    expect(stderr).toContain('pvmc: after installing xorriso this is still not there:');
  });

  test('matters not to somebody who asks for help', () => {
    hide('xorriso');
    for (const line of [['--help'], ['build', '--help'], ['--version'], ['help', 'build'], []]) {
      expect(launch(line)).toMatchObject({ status: 0, stderr: '', calls: [] });
    }
  });

  test('needs sudo of an ordinary user, who is told what to do without', () => {
    hide('xorriso');
    standIn('id', 'echo 1000');
    const { status, stderr, calls } = launch(['x']);
    expect({ status, calls }).toEqual({ status: 4, calls: [] });
    expect(
      stderr,
    ).toContain(`pvmc: Debian packages can be installed only by root, and there is no sudo
  Let an administrator run:
    apt-get update && apt-get install --yes --no-install-recommends xorriso
`);
  });

  test('is installed with sudo when that asks for no password', () => {
    hide('xorriso');
    standIn('id', 'echo 1000');
    standIn('sudo', `[ "$1" = -n ] || exec "$@"`);
    standIn('apt-get', `: >"${bin}/xorriso"; /bin/chmod +x "${bin}/xorriso"`);
    const { status, stderr, calls } = launch(['x']);
    expect(stderr).toContain('    sudo apt-get install --yes --no-install-recommends xorriso\n');
    expect(calls.slice(0, 2)).toEqual([
      'sudo -n true',
      expect.stringMatching(/^sudo env .*apt-get /),
    ]);
    expect(status).toBe(0);
  });

  test('without a terminal sudo must not ask for a password', () => {
    hide('xorriso');
    standIn('id', 'echo 1000');
    standIn('sudo', 'exit 1');
    const { status, stderr, calls } = launch(['x']);
    expect({ status, calls }).toEqual({ status: 4, calls: ['sudo -n true'] });
    expect(stderr).toContain(`sudo would ask for a password, and there is no terminal to ask on
  Run this on a terminal, or run first:
    sudo apt-get update && sudo apt-get install --yes --no-install-recommends xorriso
`);
  });
});

describe('commands that start no machine', () => {
  test.each([
    ['doctor'],
    ['doctor', '--json', 'shop'],
    ['--cache', 'build', 'doctor'],
    ['version'],
    ['complete', '--', 'pvmc', 'build'],
  ])('%s %s %s install nothing, whatever is missing', (...args) => {
    for (const { look } of debianPackages)
      if (look.startsWith('command:') && look !== 'command:node')
        hide(look.replace('command:', ''));
    standIn('apt-get', 'exit 1');
    const { status, stderr, calls } = launch(args.filter((word) => word !== undefined));
    expect({ status, stderr, calls }).toEqual({ status: 0, stderr: '', calls: [] });
  });

  test('a manifest of such a name is none', () => {
    hide('xorriso');
    standIn('apt-get', 'exit 1');
    expect(launch(['build', 'doctor']).calls).not.toEqual([]);
  });
});

describe('Node.js', () => {
  test.each(['v18.19.0', 'v20.18.3', 'v9.0.0'])('%s is too old', (version) => {
    hide('node');
    standIn('node', `echo ${version}`);
    const { status, stderr } = launch(['--help']);
    expect(status).toBe(4);
    expect(stderr).toContain(`Node.js 20.19 or later is needed, and ${bin}/node is ${version}`);
  });

  test.each(['v20.19.0', 'v21.0.0', 'v100.1.2'])('%s is new enough', (version) => {
    hide('node');
    standIn('node', `echo ${version}`);
    expect(launch(['--help'])).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('the npm packages', () => {
  test('are installed when the lock file is newer', () => {
    touch('node_modules/.package-lock.json', 100);
    touch('package-lock.json', 200);
    const { calls, stderr } = launch(['--help']);
    expect(calls).toEqual(['npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier']);
    expect(stderr).toContain(
      `  npm packages, into ${clone}/node_modules, as package-lock.json pins them:`,
    );
  });

  test('that cannot be installed are an error', () => {
    rmSync(join(clone, 'node_modules'), { recursive: true });
    standIn('npm', 'echo "npm error network" >&2; exit 1');
    const { status, stderr } = launch(['--help']);
    expect(status).toBe(4);
    expect(stderr).toContain(`npm error network
pvmc: npm ci failed; its reason is above
  To repeat it: cd ${clone} && npm ci
`);
  });
});

describe('the bundles', () => {
  beforeEach(() => {
    writeFileSync(
      join(clone, 'build.mjs'),
      `import { writeFileSync } from 'node:fs';
      writeFileSync('dist/.stamp', ''); writeFileSync('dist/made', '');`,
    );
    touch('build.mjs', 100);
    touch('src', 100);
    touch('dist/.stamp', 200);
    touch('package.json', 100);
    touch('package-lock.json', 100);
    touch('scripts/debian-packages.json', 100);
  });

  test('are left alone while no source is newer', () => {
    launch(['--help']);
    expect(existsSync(join(clone, 'dist/made'))).toBe(false);
  });

  test('are made again when a source is newer, and no test is one', () => {
    writeFileSync(join(clone, 'src/a.test.ts'), '');
    touch('src', 100);
    launch(['--help']);
    expect(existsSync(join(clone, 'dist/made'))).toBe(false);
    writeFileSync(join(clone, 'src/a.ts'), '');
    launch(['--help']);
    expect(existsSync(join(clone, 'dist/made'))).toBe(true);
  });

  test('that cannot be made stop the run', () => {
    rmSync(join(clone, 'dist/.stamp'));
    writeFileSync(join(clone, 'build.mjs'), 'process.exit(1)');
    const { status, stdout, stderr } = launch(['--help']);
    expect({ status, stdout }).toEqual({ status: 4, stdout: '' });
    expect(stderr).toContain('pvmc: the sources could not be bundled; the reason is above');
  });
});

interface Launched {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** How apt-get, npm and sudo were called. */
  readonly calls: readonly string[];
}

function launch(args: readonly string[], program = join(clone, 'pvmc')): Launched {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: folder,
    env: { PATH: bin },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = join(folder, 'calls');
  const calls = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
  return { status, stdout, stderr, calls };
}

/** A program that writes down how it was called, then does as told. */
function standIn(program: string, script: string): void {
  const path = join(bin, program);
  rmSync(path, { force: true });
  const note = ['apt-get', 'npm', 'sudo'].includes(program)
    ? `echo "${program} $*" >>"${folder}/calls"\n`
    : '';
  writeFileSync(path, `#!/bin/sh\n${note}${script}\n`);
  chmodSync(path, 0o755);
}

function hide(program: string): void {
  rmSync(join(bin, program));
}

function touch(path: string, seconds: number): void {
  utimesSync(join(clone, path), seconds, seconds);
}

function wherever(program: string): string {
  const path = ['/usr/bin', '/bin'].map((place) => join(place, program)).find(existsSync);
  if (path === undefined) throw new Error(`no ${program} on this computer`);
  return path;
}
