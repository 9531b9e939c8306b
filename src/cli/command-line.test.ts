import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeCommands, runCommandLine } from './command-line.ts';
import { EXIT_STATUSES } from './exit-status.ts';
import type { Program } from './program.ts';
import { standIn } from './testing/stand-in.ts';
import { Clock, FakeTerminal, surroundingsOf } from './testing/terminal.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-cli-'));
});
afterEach(() => rm(folder, { recursive: true }));

interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in this process, without a terminal. */
async function pvmc(argv: readonly string[], program: Program = standIn()): Promise<Ran> {
  const stdout = new FakeTerminal({ isTTY: false });
  const stderr = new FakeTerminal({ isTTY: false });
  const surroundings = surroundingsOf(stdout, {
    stderr,
    workingFolder: folder,
    now: new Clock().now,
  });
  const signal = new AbortController().signal;
  const interruption = { signal, tell: () => {}, abandon: () => {}, dispose: () => {} };
  const status = await runCommandLine(argv, { program, surroundings, interruption });
  return { status, stdout: stdout.written, stderr: stderr.written };
}

async function manifest(simulate: object): Promise<string> {
  const path = join(folder, 'appliance.yaml');
  await writeFile(path, JSON.stringify({ name: 'hello', version: '1.0', simulate }));
  return path;
}

describe('diagnose', () => {
  it('prints what a command prints, and ends with its exit status', async () => {
    const command = ['diagnose', 'b1', '--command', 'echo one; exit 3'];
    expect(await pvmc(command)).toEqual({ status: 3, stdout: 'one\n', stderr: '' });
    const lines = (await pvmc(['--json', ...command])).stdout.trim().split('\n');
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      type: 'command-finished',
      build: 'b1',
      status: 3,
      output: 'one\n',
    });
  });

  it('needs a terminal for a shell', async () => {
    const { status, stderr } = await pvmc(['diagnose']);
    expect(status).toBe(EXIT_STATUSES.usage);
    expect(stderr).toContain('a shell in the guest needs a terminal on standard input and output');
    expect((await pvmc(['diagnose', '--json', '--screen'])).status).toBe(EXIT_STATUSES.usage);
  });

  it('tells where the screen is to be seen', async () => {
    const { stderr } = await pvmc(['diagnose', 'b1', '--screen', '--command', ':']);
    expect(stderr).toBe('The screen: a VNC viewer at 127.0.0.1:5900, password secret\n');
  });
});

describe('mistakes', () => {
  it.each([
    [
      ['biuld'],
      'there is no command "biuld"\n  hint: Did you mean build? pvmc --help tells what there is.',
    ],
    [['help', 'biuld'], 'there is no command "biuld"\n  hint: Did you mean build?'],
    [['--plain', 'help', 'frobnicate'], 'there is no command "frobnicate"'],
    [['frobnicate'], 'there is no command "frobnicate"\n  hint: pvmc --help tells what there is.'],
    [
      ['build', '--no-verfy'],
      'pvmc build has no option "--no-verfy"\n  hint: Did you mean --no-verify? pvmc build --help tells what there is.',
    ],
    [['--verbos', 'build'], 'pvmc build has no option "--verbos"\n  hint: Did you mean --verbose?'],
    [['build', '-o'], 'the option --output needs a value'],
    [
      ['build', '--until', 'bott'],
      '"bott" is no value for --until\n  hint: Allowed choices are media, machine, start, boot',
    ],
    [
      ['clean', '--older-than', 'yesterday'],
      '"yesterday" is no value for --older-than\n  hint: Write the duration as 90m, 12h or 7d.',
    ],
    [['build', '--resume', '--force'], 'option'],
    [
      ['build', '--keep', 'some'],
      '"some" is no value for --keep\n  hint: Allowed choices are latest',
    ],
    [
      ['build', '--timeout', 'bot=3m'],
      '"bot=3m" is no value for --timeout\n  hint: Did you mean boot?',
    ],
    [['build', '--timeout', 'boot=soon'], 'Write the duration as 90s, 15m or 2h.'],
    [['build', '--timeout', 'x'], 'Write NAME=DURATION; the names are media, machine'],
    [['completion', 'ksh'], '"ksh" is no shell\n  hint: Allowed choices are bash, zsh, fish.'],
    [['verify'], 'pvmc verify needs FILE'],
    [
      ['import', 'x.ova', '--forward', '80:'],
      'Write HOST:GUEST or GUEST, two ports from 1 to 65535.',
    ],
    [['import', 'x.ova', '--forward', '70000'], '"70000" is no value for --forward'],
    [
      ['import', 'x.ova', '--property', 'hostname'],
      '"hostname" is no value for --property\n  hint: Write KEY=VALUE.',
    ],
    [
      ['import', 'x.ova', '--forward', '22', '--forward', '23:22'],
      '"23:22" is no value for --forward\n  hint: Port 22 of the machine is forwarded already.',
    ],
    [['import', 'x.ova', '--start', '--dry-run'], 'option'],
    [['plan', 'a', 'b'], 'pvmc plan takes fewer arguments'],
  ])('%j', async (argv, message) => {
    const { status, stdout, stderr } = await pvmc(argv);
    expect(unwrapped(stderr)).toContain(`✗ ${unwrapped(message)}`.replace(/^✗ (?=Write)/, ''));
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });

  it('are objects with --json', async () => {
    const { status, stdout, stderr } = await pvmc(['biuld', '--json']);
    expect({ status, stderr }).toEqual({ status: 2, stderr: '' });
    const [header, error, ...more] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(header).toMatchObject({ at: 0, type: 'started', format: 1, pvmc: '1.2.3' });
    expect(error).toMatchObject({ type: 'error', kind: 'usage', code: 'unknown-command' });
    expect(more).toEqual([]);
  });
});

describe('help', () => {
  it('is what no argument gets', async () => {
    const { status, stdout } = await pvmc([]);
    expect(status).toBe(0);
    expect(stdout).toContain('Usage: pvmc [options] [command]');
    expect(stdout).toContain('\nExamples:\n  pvmc init shop\n');
    expect(await pvmc(['help'])).toEqual({ status, stdout, stderr: '' });
    expect(await pvmc(['help', 'help'])).toEqual({ status, stdout, stderr: '' });
  });

  const unused = surroundingsOf(new FakeTerminal());
  const never = () => {
    throw new Error('no command was asked for');
  };
  const names = makeCommands('0', unused, never).commands.map((command) => command.name());

  it('knows all commands', () => {
    expect(names).toEqual([
      'init',
      'check',
      'plan',
      'build',
      'iso',
      'verify',
      'import',
      'lint',
      'sign',
      'diff',
      'stages',
      'builds',
      'show',
      'diagnose',
      'clean',
      'doctor',
      'schema',
      'completion',
      'version',
    ]);
  });

  it.each(names)('of %s has examples that name it, and fits 80 columns', async (name) => {
    const { status, stdout } = await pvmc([name, '--help']);
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples:\n +.*pvmc ${name}`));
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect((await pvmc(['help', name])).stdout).toBe(stdout);
  });
});

describe('build', () => {
  it('passes on what it was told', async () => {
    let given: unknown;
    const program: Program = {
      ...standIn(),
      buildAppliance: (options, emit, signal) => {
        given = options;
        return standIn().buildAppliance(options, emit, signal);
      },
    };
    const path = await manifest({});
    const argv = [
      'build',
      path,
      '-o',
      'images',
      '--no-verify',
      '--keep',
      'always',
      '--cache',
      'kept',
      '--hypervisor',
      'virtualbox',
    ];
    const stages = ['--from', 'boot', '--until', 'export', '--force'];
    const timeouts = [...stages, '--timeout', 'boot=90', '--timeout', 'silence=1.5m', '--yes'];
    expect((await pvmc([...argv, ...timeouts], program)).status).toBe(0);
    expect(given).toEqual({
      manifestPath: path,
      outputFolder: join(folder, 'images'),
      hypervisor: 'virtualbox',
      verify: false,
      keep: 'always',
      timeouts: { boot: 90, silence: 90 },
      reuse: 'nothing',
      from: 'boot',
      until: 'export',
      cacheFolder: join(folder, 'kept'),
    });
  });

  it('says what was made, in lines', async () => {
    const { status, stdout, stderr } = await pvmc(['build', await manifest({ notice: 'slow' })]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      /^\[00:00:00\] hello 1\.0: build build-1 in .*\n\[00:00:00\] note: slow\n/,
    );
    expect(stdout).toContain('\n  out/hello-1.0.ova  4.9 KiB\n    sha256 334508143c99da7b');
    expect(stdout).toContain('VBoxManage import out/hello-1.0.ova\n');
  });

  it('is a stream of objects with --json', async () => {
    const { stdout } = await pvmc(['--json', 'build', await manifest({})]);
    const types = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { type: string }).type);
    expect(types.slice(0, 3)).toEqual(['started', 'build-started', 'stage-started']);
    expect(types.at(-1)).toBe('build-finished');
    expect(types.filter((type) => type === 'stage-finished')).toHaveLength(7);
  });

  it.each(Object.entries(EXIT_STATUSES))(
    'a failure of the kind %s exits %d',
    async (kind, status) => {
      const ran = await pvmc(['build', await manifest({ failIn: 'boot', failure: kind })]);
      expect(ran.status).toBe(status);
      expect(ran.stderr).toContain(`the simulation failed as ${kind}`);
      expect(ran.stderr).not.toMatch(/^ +at /m);
    },
  );

  it('tells a failure once, as the event, with --json', async () => {
    const { stdout, stderr } = await pvmc(['build', '--json', await manifest({ failIn: 'boot' })]);
    const last = stdout
      .trim()
      .split('\n')
      .slice(-2)
      .map((line) => JSON.parse(line) as unknown);
    expect(last).toMatchObject([
      { type: 'step-finished' },
      { type: 'build-failed', failure: { stage: 'boot', code: 'simulated-construct' } },
    ]);
    expect(stderr).toBe('');
  });

  it('says where the manifest is missed', async () => {
    const { status, stderr } = await pvmc(['build', join(folder, 'nothing')]);
    expect(status).toBe(3);
    expect(stderr).toContain('manifest-missing (exit status 3)');
  });

  it('calls a defect a defect, with its trace in a file', async () => {
    const { status, stderr } = await pvmc([
      'build',
      await manifest({ failIn: 'boot', defect: 'thrown' }),
    ]);
    expect(status).toBe(70);
    expect(stderr).toContain('this is a defect of pvmc: nothing is not a function');
    const trace = /(\/\S*trace\.txt)/.exec(stderr)?.[1] ?? '';
    expect(await readFile(trace, 'utf8')).toMatch(/TypeError: nothing is not a function\n +at /);
    await rm(join(trace, '..'), { recursive: true });
  });
});

describe('the other commands', () => {
  it('iso says what it made', async () => {
    const { status, stdout } = await pvmc(['iso', await manifest({})]);
    expect(status).toBe(0);
    expect(stdout).toContain('  out/hello.iso  4.9 KiB\n');
  });

  it('check says that all is well, and what it did not look at', async () => {
    const path = await manifest({});
    const { status, stdout } = await pvmc(['check', path]);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: '✓ hello 1.0, no problems; the repository was not asked\n',
    });
  });

  it('plan ends with the partition table', async () => {
    const { stdout } = await pvmc(['plan', await manifest({})]);
    expect(stdout).toContain('\n5. Construct the appliance\n   ▸ A step\n       some substance\n');
    expect(stdout.split('\n').slice(-5)).toEqual([
      'Partition table (GPT)',
      '   1  bios  1 MiB   BIOS boot code',
      '   2  esp   64 MiB  vfat            /boot/efi',
      '   3  root  8 GiB   ext4            /',
      '',
    ]);
  });

  it('doctor succeeds with warnings', async () => {
    const { status, stdout } = await pvmc(['doctor']);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout:
        '  ✓ pvmc    1.2.3\n  ! memory  little\n            Buy some.\n\n' +
        '✓ builds can run here, with a warning\n',
    });
  });

  it('doctor fails when a build cannot run, and tells each problem once', async () => {
    const { status, stdout, stderr } = await pvmc(['doctor', 'broken']);
    expect(status).toBe(4);
    expect(stdout).toContain('  ✗ memory  none\n            $ free --all\n');
    expect(stderr).toContain('a problem of this computer keeps builds from running');
    expect(stderr).toContain('not-ready (exit status 4)');
    expect(stderr).not.toContain('free');
    const [, told, error] = (await pvmc(['doctor', 'broken', '--json'])).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(told).toMatchObject({ type: 'diagnosis', ready: false });
    expect(error).toMatchObject({ type: 'error', code: 'not-ready' });
  });

  it('verify passes and fails with the file', async () => {
    const good = join(folder, 'good.ova');
    const bad = join(folder, 'bad.ova');
    await writeFile(good, 'appliance');
    await writeFile(bad, 'something else');
    expect((await pvmc(['verify', good])).status).toBe(0);
    const { status, stdout, stderr } = await pvmc(['verify', bad]);
    expect(status).toBe(8);
    expect(stdout).toContain('✗ digests: x.vmdk');
    expect(stderr).toContain('did not pass 1 of 2 checks');
  });

  it('verify wants a file', async () => {
    const missing = await pvmc(['verify', join(folder, 'none.ova')]);
    expect(missing.status).toBe(9);
    expect(missing.stderr).toContain('there is no file');
    expect((await pvmc(['verify', folder])).stderr).toContain('is a folder');
  });

  it('import tells how to go on', async () => {
    const file = join(folder, 'good.ova');
    await writeFile(file, 'appliance');
    expect((await pvmc(['import', file])).stdout.split('\n')).toEqual([
      '✓ hello imported into Stand-in 1',
      '',
      '  machine    hello 1.0: 1 GiB of memory, 2 CPUs, 8 GiB disk, BIOS',
      '  folder     hello',
      '  start      hello/start',
      '  or here    hello/open',
      '  reach      ssh -p 8022 USER@127.0.0.1',
      '  power off  hello/off',
      '  remove     hello/remove',
      '',
    ]);
    const { stdout } = await pvmc([
      'import',
      file,
      '--start',
      '--forward',
      '8000:80',
      '--forward',
      '5432',
    ]);
    expect(stdout).toContain('✓ hello runs in Stand-in 1\n');
    expect(stdout).toContain('  look       hello/look\n  reach      http://127.0.0.1:8000/\n');
    expect(stdout).toContain('  reach      127.0.0.1:13432 is port 5432 of the machine\n');
    expect((await pvmc(['import', file, '--dry-run', '--name', 'x'])).stdout).toContain(
      '· x would be imported into Stand-in 1\n',
    );
  });

  it('import keeps what it could not start, and says so', async () => {
    const file = join(folder, 'bad.ova');
    await writeFile(file, 'something else');
    const { status, stdout, stderr } = await pvmc(['import', file, '--start']);
    expect(status).toBe(6);
    expect(stdout).toContain('✓ hello imported into Stand-in 1\n');
    expect(stderr).toContain('grep failed with exit status 1');
  });

  it('schema prints JSON and nothing else, also with --json', async () => {
    const { stdout } = await pvmc(['schema', '--json']);
    expect(JSON.parse(stdout)).toHaveProperty('$schema');
  });

  it('version says what runs', async () => {
    expect((await pvmc(['--version'])).stdout).toBe('1.2.3\n');
    expect((await pvmc(['version'])).stdout).toMatch(/^pvmc {4}1\.2\.3\nnode {4}\d+\.\d+/);
  });
});

describe('init', () => {
  it('writes a first manifest and says what next', async () => {
    const { status, stdout } = await pvmc(['init', 'My Shop!']);
    expect(status).toBe(0);
    expect(await readFile(join(folder, 'My Shop!', 'appliance.yaml'), 'utf8')).toContain(
      'name: my-shop\n',
    );
    expect(stdout).toContain("pvmc build 'My Shop!'\n");
  });

  it('leaves an existing file as it is', async () => {
    await mkdir(join(folder, 'shop'));
    const path = join(folder, 'shop', 'appliance.yaml');
    await writeFile(path, 'mine');
    const { status, stderr } = await pvmc(['init', 'shop']);
    expect(status).toBe(2);
    expect(stderr).toContain('exists already, and is left as it is');
    expect(await readFile(path, 'utf8')).toBe('mine');
  });

  it('says so when it may not write', async () => {
    // A file where the folder should be: refused for root, too.
    await writeFile(join(folder, 'file'), '');
    const { status, stderr } = await pvmc(['init', 'file']);
    expect(status).toBe(2);
    expect(stderr).toContain('file is no folder');
  });
});

/** Without the line breaks that the terminal's width makes. */
function unwrapped(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
