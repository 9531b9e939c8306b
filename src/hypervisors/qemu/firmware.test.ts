import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { findUefiFirmware } from './firmware.ts';

it('takes the first firmware of which both parts are there, or names the package', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pvmc-test-'));
  try {
    const pair = (name: string) => ({
      codePath: join(folder, `${name}-code`),
      variablesPath: join(folder, `${name}-vars`),
    });
    const candidates = [pair('half'), pair('whole')];
    for (const file of ['half-code', 'whole-code', 'whole-vars'])
      await writeFile(join(folder, file), '');
    expect(await findUefiFirmware(candidates)).toEqual(pair('whole'));
    await rm(join(folder, 'whole-vars'));
    await expect(findUefiFirmware(candidates)).rejects.toMatchObject({
      code: 'uefi-firmware-missing',
      hint: expect.stringContaining('apt install ovmf'),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
