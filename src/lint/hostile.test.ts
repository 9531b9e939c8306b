/** Whatever stands in a file, the lint tells of it and ends: nothing is thrown, and it does not take long. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { temporaryFolder } from '../appliance/testing/fixtures.ts';
import { putTogether } from '../appliance/testing/tampering.ts';
import { PvmcError } from '../system/error.ts';
import { quietProgress } from '../system/progress.ts';
import { lintFile } from './lint.ts';
import { repairFile } from './repair.ts';
import { hostedSparse, qemuStream } from './testing/broken-disks.ts';
import {
  AT,
  OVF,
  part,
  parts,
  partsWith,
  withDescriptor,
  withManifest,
} from './testing/small-appliance.ts';

let outer: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  outer = await temporaryFolder();
});
afterAll(() => outer[Symbol.asyncDispose]());

const DISK = AT.disk + 512;
/** Where a change matters: headers, texts, the header of the disk, its tables and its end. */
const PLACES = [
  [0, 512],
  [AT.mf, 1024],
  [AT.disk, 512],
  [512, 4096],
  [DISK, 1200],
  [DISK + 128 * 512, 12 * 512],
] as const;

const change = fc.record({
  place: fc.constantFrom(...PLACES),
  at: fc.nat({ max: 10_000 }),
  value: fc.constantFrom(0, 1, 0x20, 0x2f, 0x37, 0x7f, 0x80, 0xff),
});
/** Mended without compressing anything, which takes longer than all else. */
const WHOLES = [putTogether(parts), putTogether(partsWith(qemuStream()))];
const SPARSE = putTogether(partsWith(hostedSparse()));

it('of any bytes that are changed', async () => {
  const path = join(outer.path, 'x.ova');
  const property = fc.asyncProperty(
    fc.constantFrom(...WHOLES, SPARSE),
    fc.array(change, { minLength: 1, maxLength: 6 }),
    fc.boolean(),
    async (whole, changes, isCut) => {
      const bytes = Buffer.from(whole);
      for (const { place, at, value } of changes) {
        const [from, length] = place;
        const index = from + (at % length);
        if (index < bytes.length) bytes.writeUInt8(value, index);
      }
      const end = isCut ? (changes[0]?.at ?? 0) * 8 : bytes.length;
      await writeFile(path, bytes.subarray(0, end));
      await lintFile(path, quietProgress());
      if (whole === SPARSE) return;
      const mended = repairFile({ path, outputPath: `${path}.mended` }, quietProgress());
      await mended.catch((thrown: unknown) => expect(thrown).toBeInstanceOf(PvmcError));
    },
  );
  await fc.assert(property, { numRuns: 30 });
});

it.each<readonly [string, string, string]>([
  ['references', '</References>', '<File ovf:id="f" ovf:href="gone"/>'],
  ['items', '</VirtualHardwareSection>', '<Item><rasd:Parent>0</rasd:Parent></Item>'],
])('of thousands of %s', async (_, before, element) => {
  const path = join(outer.path, 'many.ova');
  const bytes = withDescriptor((text) => text.replace(before, element.repeat(2000) + before));
  await writeFile(path, bytes);
  const { findings } = await lintFile(path, quietProgress());
  expect(findings.some(({ more }) => more > 90)).toBe(true);
});

it('of more elements than a machine has', async () => {
  const path = join(outer.path, 'many.ova');
  const bytes = withDescriptor((text) =>
    text.replace('</References>', `${'<File/>'.repeat(100_000)}</References>`),
  );
  await writeFile(path, bytes);
  const { findings } = await lintFile(path, quietProgress());
  expect(findings.map(({ rule, message }) => [rule.name, message])).toEqual([
    [
      'descriptor-not-xml',
      'the descriptor has more than 10000 elements, more than any machine needs',
    ],
  ]);
});

it('of a manifest of nothing but parentheses', async () => {
  const path = join(outer.path, 'parentheses.ova');
  await writeFile(
    path,
    withManifest(() => '('.repeat(2 ** 20)),
  );
  const { findings } = await lintFile(path, quietProgress());
  expect(findings.map(({ rule }) => rule.name)).toContain('manifest-line');
});

it('of a descriptor in UTF-16, in which nothing can be found again', async () => {
  const path = join(outer.path, 'utf16.ova');
  const text = part(OVF)
    .toString()
    .replace('encoding="UTF-8"', 'encoding="UTF-16LE"')
    .replace('</References>', `<!--${'<a '.repeat(500_000)}--></References>`);
  const bytes = Buffer.from(text, 'utf16le');
  await writeFile(
    path,
    putTogether(parts.map((one) => (one.name === OVF ? { ...one, bytes } : one))),
  );
  const { findings } = await lintFile(path, quietProgress());
  expect(findings.map(({ rule }) => rule.name)).toContain('digest-wrong');
});

it('of a disk whose tables tell of one grain again and again', async () => {
  const tables = 131_072;
  const bytes = Buffer.alloc(2048 * 512);
  hostedSparse().copy(bytes);
  bytes.writeBigUInt64LE(BigInt(tables) * 512n * 128n, 12);
  bytes.writeBigUInt64LE(40n, 56);
  for (let table = 0; table < tables; table += 1) bytes.writeUInt32LE(1100, 40 * 512 + table * 4);
  for (let grain = 0; grain < 512; grain += 1) bytes.writeUInt32LE(1200, 1100 * 512 + grain * 4);
  const path = join(outer.path, 'again.vmdk');
  await writeFile(path, bytes);
  const { findings } = await lintFile(path, quietProgress());
  expect(findings.map(({ rule }) => rule.name)).toContain('vmdk-tables');
});

it.each([
  ['that no file can have', 'x'.repeat(300)],
  ['of a folder', 'folder'],
])('of a reference with a name %s', async (_, name) => {
  const folder = join(outer.path, name.slice(0, 9));
  await mkdir(join(folder, 'folder'), { recursive: true });
  const file = `<File ovf:href="${name}" ovf:id="file2"/></References>`;
  const path = join(folder, OVF);
  await writeFile(path, part(OVF).toString().replace('</References>', file));
  const { findings } = await lintFile(path, quietProgress());
  expect(findings.map(({ rule }) => rule.name)).toContain('file-missing');
});
