/**
 * The main job, once, as the README tells it: examples/hello is built in a real machine, exported and
 * verified. Then the result is looked at with programs that are not ours.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { helloBuild, saidOf } from '../support/hello-build.ts';
import { type Ended, mountsBelow, PvmcProcess, processesNaming } from '../support/pvmc-process.ts';
import { ROOT } from '../support/repository-files.ts';

const run = promisify(execFile);

let folder: string;
let build: Ended;
let buildFolder: string;
let ova: string;

beforeAll(async () => {
  ({ folder, buildFolder, ova, ended: build } = await helloBuild());
});

describe('the build', () => {
  test('succeeds, with all seven stages in their order', () => {
    expect(build.status).toBe(0);
    const stages = build.said.filter(({ type }) => type === 'stage-finished');
    expect(stages.map((one) => one['stage'])).toEqual([
      'media',
      'machine',
      'start',
      'boot',
      'construct',
      'export',
      'verify',
    ]);
    expect(saidOf(build, 'build-finished')).toMatchObject({ result: { verified: true } });
  });

  test('leaves no process and no mount', () => {
    expect(processesNaming(folder)).toEqual([]);
    expect(mountsBelow(folder)).toEqual([]);
  });

  test('keeps the host program below 200 MB', () => {
    expect(build.peakBytes).toBeGreaterThan(0);
    expect(build.peakBytes).toBeLessThan(200e6);
  });

  test('keeps the medium, of at most 200 MB', async () => {
    expect((await stat(join(folder, 'hello-1.0.0.iso'))).size).toBeLessThanOrEqual(200e6);
    await run('sha256sum', ['-c', '--strict', 'hello-1.0.0.iso.sha256'], { cwd: folder });
  });

  test('keeps its logs and pictures, and no disk but the one it was told to keep', async () => {
    const kept = await readdir(buildFolder, { recursive: true });
    expect(kept).toEqual(
      expect.arrayContaining([
        'appliance.yaml',
        'build.log',
        'console.log',
        'verify/report.json',
        'disk.raw',
      ]),
    );
    expect(kept.filter((name) => name.endsWith('.png')).length).toBeGreaterThanOrEqual(2);
    expect(kept.filter((name) => /^verify.*(raw|qcow2)$/.test(name))).toEqual([]);
  });
});

describe('verify', () => {
  test('saw it boot and answer under BIOS and under UEFI', async () => {
    const report = JSON.parse(await readFile(join(buildFolder, 'verify/report.json'), 'utf8'));
    const outcomes = Object.fromEntries(
      report.checks.map(({ name, outcome }: { name: string; outcome: string }) => [name, outcome]),
    );
    expect(Object.values(outcomes)).not.toContain('failed');
    for (const firmware of ['BIOS', 'UEFI']) {
      const names = Object.keys(outcomes).filter((name) => name.includes(firmware));
      expect(names.some((name) => name.includes('port 22'))).toBe(true);
      expect(names.some((name) => name.includes('http://localhost/'))).toBe(true);
    }
  });
});

describe('the OVA', () => {
  test('is a strict ustar: descriptor, digests, disk', async () => {
    const { stdout } = await run('tar', ['--numeric-owner', '-tvf', ova]);
    const members = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/));
    expect(members.map(([mode, owner]) => [mode, owner])).toEqual(
      Array.from({ length: 3 }, () => ['-rw-r--r--', '0/0']),
    );
    expect(members.map((words) => words.at(-1))).toEqual([
      'hello-1.0.0.ovf',
      'hello-1.0.0.mf',
      'hello-1.0.0-disk1.vmdk',
    ]);
  });

  test('has the digests that its .mf says, by sha256sum', async () => {
    await unpacked();
    const lines = (await readFile(join(folder, 'hello-1.0.0.mf'), 'utf8')).trim().split('\n');
    for (const line of lines) {
      const [, name = '', digest] = /^SHA256\((.+)\)= ([0-9a-f]{64})$/.exec(line) ?? [];
      const { stdout } = await run('sha256sum', [join(folder, name)]);
      expect(stdout.split(' ')[0]).toBe(digest);
    }
    expect(lines).toHaveLength(2);
  });

  test('has a descriptor that the DMTF’s schema accepts, by xmllint', async () => {
    await unpacked();
    const text = await readFile(join(folder, 'hello-1.0.0.ovf'), 'utf8');
    // What vendors add is not in the schema.
    const plain = text
      .replaceAll(/<(vmw|vbox):\w+[^>]*?(\/>|>[\s\S]*?<\/\1:\w+>)/g, '')
      .replaceAll(/ (vmw|vbox):\w+="[^"]*"/g, '');
    const path = join(folder, 'plain.ovf');
    await writeFile(path, plain);
    const schema = join(ROOT, 'schemas/dmtf/dsp8023_1.1.1.xsd');
    const { stderr } = await run('xmllint', ['--nonet', '--noout', '--schema', schema, path]);
    expect(stderr).toContain(`${path} validates\n`);
  });

  test('has the guest’s disk in its VMDK, by qemu-img', async () => {
    await unpacked();
    const vmdk = join(folder, 'hello-1.0.0-disk1.vmdk');
    const raw = join(buildFolder, 'disk.raw');
    const { stdout } = await run('qemu-img', ['compare', '-f', 'vmdk', '-F', 'raw', vmdk, raw]);
    expect(stdout).toContain('Images are identical');
  });
});

let unpacking: Promise<unknown> | undefined;

function unpacked(): Promise<unknown> {
  unpacking ??= run('tar', ['-xf', ova, '-C', folder]);
  return unpacking;
}

describe('the medium', () => {
  test('has the same bits when it is made again', async () => {
    const again = join(folder, 'again');
    const { status } = await new PvmcProcess(['iso', 'examples/hello', '-o', again]).ended;
    expect(status).toBe(0);
    const name = 'hello-1.0.0.iso';
    await run('cmp', [join(folder, name), join(again, name)]);
  });
});
