import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { manifestSchema } from '../../manifest/schema.ts';
import { installationOf, rehearse } from '../testing/rehearsal.ts';
import { erase } from './root.ts';

const MIB = 2 ** 20;

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-root-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('what is erased reads as zeroes and takes no room on the host any more', async () => {
  const manifest = installationOf(manifestSchema.parse({ name: 'hello', version: '1.0' }));
  const { context } = rehearse({ folder, manifest });
  const path = join(folder, 'partition');
  await using file = await open(path, 'w+');
  await file.write(Buffer.alloc(4 * MIB, 'x'));
  await file.sync();
  context.workspace.partitions = { ...context.workspace.partitions, root: path };
  await erase(context, { fromBytes: MIB, sizeBytes: 3 * MIB });
  const { size, blocks } = await stat(path);
  expect(size).toBe(4 * MIB);
  expect(blocks * 512).toBeLessThan(2 * MIB);
  const { buffer } = await file.read(Buffer.alloc(4 * MIB), 0, 4 * MIB, 0);
  expect(buffer.subarray(0, MIB).every((byte) => byte === 0x78)).toBe(true);
  expect(buffer.subarray(MIB).every((byte) => byte === 0)).toBe(true);
});
