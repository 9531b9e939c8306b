import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { VBoxManage } from './vboxmanage.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-test-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A program that says what VBoxManage would say. */
async function saying(script: string): Promise<VBoxManage> {
  const path = join(folder, 'VBoxManage');
  await writeFile(path, `#!/bin/sh\ncd ${folder}\n${script}\n`);
  await chmod(path, 0o755);
  return new VBoxManage(path);
}

it('gives what was answered, whatever else was said', async () => {
  const manage = await saying('echo "0%...100%" >&2; echo "VBoxManage: warning: x" >&2; echo done');
  expect((await manage.run(['list', 'vms'])).stdout).toBe('done');
});

it.each([
  ['exit status 0', 'echo "VBoxManage: error: no such thing" >&2'],
  ['exit status 1', 'echo "VBoxManage: error: no such thing" >&2; exit 1'],
  ['Windows', 'echo "VBoxManage.exe: error: no such thing" >&2; exit 1'],
])('notices a failure with %s', async (_, script) => {
  const manage = await saying(script);
  await expect(manage.run(['startvm', 'x'])).rejects.toMatchObject({
    code: 'vboxmanage-failed',
    message: 'VBoxManage startvm failed: no such thing',
  });
});

it.each([
  ['The machine is not mutable', 'Details: code VBOX_E_INVALID_OBJECT_STATE (0x80bb0007)'],
  ['The object is not ready', 'Details: code E_ACCESSDENIED (0x80070005)'],
])('tries again while a machine changes its state: %s', async (...said) => {
  const errors = said.map((line) => `echo "VBoxManage: error: ${line}" >&2`).join('\n');
  const manage = await saying(
    `echo x >> tries; [ "$(wc -l < tries)" -gt 2 ] && echo ok && exit\n${errors}; exit 1`,
  );
  expect((await manage.run(['modifyvm', 'x'])).stdout).toBe('ok');
});

it('does not wait for ever', async () => {
  const manage = await saying('sleep 100');
  await expect(manage.run(['list', 'vms'], { limitSeconds: 0.2 })).rejects.toMatchObject({
    code: 'virtualbox-silent',
  });
});

it('ends with the reason of the whole', async () => {
  const manage = await saying('sleep 100');
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(manage.run(['list', 'vms'], { signal })).rejects.toThrow('enough');
});

it('talks to the isolated VirtualBox that its caller names', async () => {
  const manage = await saying('echo "$VBOX_USER_HOME $LC_ALL"');
  process.env['VBOX_USER_HOME'] = '/somewhere';
  const { stdout } = await manage.run(['list', 'vms']);
  delete process.env['VBOX_USER_HOME'];
  expect(stdout).toBe('/somewhere C.UTF-8');
});
