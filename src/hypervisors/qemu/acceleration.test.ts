import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probeAcceleration } from './acceleration.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-test-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function probe(flags: string, files: { device: boolean; program?: string }) {
  const cpuInfoPath = join(folder, 'cpuinfo');
  const devicePath = join(folder, 'kvm');
  await writeFile(cpuInfoPath, `processor\t: 0\nflags\t\t: fpu ${flags} sse\nbugs\t\t: vmx_bug\n`);
  if (files.device) await writeFile(devicePath, '');
  const program = files.program ?? 'qemu-system-x86_64';
  return probeAcceleration({ program, cpuInfoPath, devicePath });
}

/** Ends like QEMU when the trial's guest has reached its last instruction, or as told. */
async function programEnding(status: number): Promise<string> {
  const path = join(folder, 'program');
  await writeFile(path, `#!/bin/sh\necho 'failed to initialize kvm' >&2\nexit ${status}\n`, {
    mode: 0o755,
  });
  return path;
}

describe('acceleration', () => {
  it('needs a processor that says so, whether there is /dev/kvm or not', async () => {
    expect(await probe('vme', { device: true })).toEqual({
      available: false,
      why: 'this processor offers no hardware virtualization',
      obstacle: 'processor',
    });
  });

  it('needs the device', async () => {
    expect(await probe('vmx', { device: false })).toEqual({
      available: false,
      why: expect.stringContaining('KVM is not loaded'),
      obstacle: 'device-missing',
    });
  });

  it('needs a guest that really runs', async () => {
    expect(await probe('svm', { device: true, program: await programEnding(1) })).toMatchObject({
      available: false,
      why: expect.stringContaining('KVM does not work on this host'),
    });
    expect(await probe('svm', { device: true, program: await programEnding(85) })).toEqual({
      available: true,
      why: 'KVM works on this host',
    });
  });
});
