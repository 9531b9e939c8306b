/** What can be mended is right afterwards; what cannot stays as it is, and where nothing is known nothing is written. */
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { checkDescriptor, checkDigests, extractDisk, openOva } from '../appliance/read-ova.ts';
import { codeOf, temporaryFolder, withFile } from '../appliance/testing/fixtures.ts';
import { putTogether, takeApart, withDigests } from '../appliance/testing/tampering.ts';
import { quietProgress } from '../system/progress.ts';
import { run } from '../system/run.ts';
import { lintFile } from './lint.ts';
import { type RepairReport, repairFile } from './repair.ts';
import { RULES } from './rules.ts';
import { BROKEN_ARCHIVES } from './testing/broken-archives.ts';
import { BROKEN_DESCRIPTORS } from './testing/broken-descriptors.ts';
import { BROKEN_DISKS, hostedSparse } from './testing/broken-disks.ts';
import { BROKEN_MANIFESTS } from './testing/broken-manifests.ts';
import { BROKEN_SIGNATURES, CERT, certText, signed } from './testing/broken-signatures.ts';
import {
  type BrokenFile,
  DISK,
  MF,
  OVF,
  part,
  parts,
  partsWith,
  withDescriptor,
} from './testing/small-appliance.ts';

let outer: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  outer = await temporaryFolder();
});
afterEach(async () => {
  for (const name of await readdir(outer.path)) {
    await rm(join(outer.path, name), { recursive: true });
  }
});
afterAll(() => outer[Symbol.asyncDispose]());

const outputPath = (ending = 'ova') => join(outer.path, `mended.${ending}`);

async function repair(bytes: Buffer, ending: 'ova' | 'vmdk' = 'ova'): Promise<RepairReport> {
  const path = join(outer.path, `broken.${ending}`);
  await writeFile(path, bytes);
  return repairFile({ path, outputPath: outputPath(ending) }, quietProgress());
}

const BROKEN = [
  ...BROKEN_ARCHIVES,
  ...BROKEN_MANIFESTS,
  ...BROKEN_SIGNATURES,
  ...BROKEN_DESCRIPTORS,
  ...BROKEN_DISKS,
];
const title = ({ rule, how }: BrokenFile) => (how === undefined ? rule : `${rule}, ${how}`);
const rulesOf = ({ rule, also = [] }: BrokenFile) =>
  [rule, ...also].map((name) => RULES[name].repair);
const isHopeless = (one: BrokenFile) =>
  rulesOf(one).includes('prevents') && one.rule !== 'digest-wrong';
const isMendable = (one: BrokenFile) =>
  !isHopeless(one) && (RULES[one.rule].repair === 'yes' || one.rule === 'digest-wrong');

describe('is mended:', () => {
  it.each(BROKEN.filter(isMendable).map((one) => [title(one), one] as const))(
    '%s',
    async (_, one) => {
      const { repaired, after } = await repair(one.bytes(), one.ending);
      expect(repaired.map(({ rule }) => rule.name)).toContain(one.rule);
      const left = (one.also ?? []).filter((name) => RULES[name].repair === 'no');
      const names = after.findings.map(({ rule }) => rule.name);
      expect(names.filter((name) => name !== 'file-elsewhere')).toEqual(
        left.filter((name) => name !== 'file-elsewhere'),
      );
    },
  );
});

describe('is not touched:', () => {
  it.each(BROKEN.filter(isHopeless).map((one) => [title(one), one] as const))(
    '%s',
    async (_, one) => {
      expect(await codeOf(repair(one.bytes(), one.ending))).toBe('lint-not-repairable');
      expect(await readdir(outer.path)).toEqual([`broken.${one.ending ?? 'ova'}`]);
    },
  );

  it('a digest of a file that does not prove itself', async () => {
    const file = '<File ovf:href="x.iso" ovf:id="file2"/>';
    const descriptor = part(OVF).toString().replace('</References>', `${file}</References>`);
    const iso = { name: 'x.iso', bytes: Buffer.from('damaged') };
    const changed = parts.map((one) =>
      one.name === OVF ? { ...one, bytes: Buffer.from(descriptor) } : one,
    );
    const mf = part(MF).toString();
    const listed = changed.map((one) =>
      one.name === MF
        ? { ...one, bytes: Buffer.from(`${mf}SHA256(x.iso)= ${'0'.repeat(64)}\n`) }
        : one,
    );
    expect(await codeOf(repair(putTogether([...listed, iso])))).toBe('lint-not-repairable');
  });

  it('a digest of a disk without checksums', async () => {
    const [ovf, mf, disk] = partsWith(hostedSparse());
    if (!ovf || !mf || !disk) throw new Error('a part is missing');
    const bytes = Buffer.from(disk.bytes);
    bytes.writeUInt8(bytes.readUInt8(200 * 512) ^ 1, 200 * 512);
    const damaged = putTogether([ovf, mf, { ...disk, bytes }]);
    expect(await codeOf(repair(damaged))).toBe('lint-not-repairable');
  });

  it('a package that needs more members than an OVA may have', async () => {
    const names = Array.from({ length: 62 }, (_, index) => `n${index}`);
    const files = names.map((name) => `<File ovf:href="${name}" ovf:id="${name}"/>`).join('');
    const text = part(OVF).toString().replace('</References>', `${files}</References>`);
    for (const name of names) await writeFile(join(outer.path, name), '');
    await writeFile(join(outer.path, DISK), part(DISK));
    await writeFile(join(outer.path, OVF), text);
    const before = await readdir(outer.path);
    const request = { path: join(outer.path, OVF), outputPath: outputPath() };
    expect(await codeOf(repairFile(request, quietProgress()))).toBe('lint-not-repairable');
    expect(await readdir(outer.path)).toEqual(before);
  });

  it('a file with a name that only a pax header can tell', async () => {
    const name = `${'x'.repeat(120)}.iso`;
    const text = part(OVF).toString();
    const file = `<File ovf:href="${name}" ovf:id="file2"/></References>`;
    await writeFile(join(outer.path, OVF), text.replace('</References>', file));
    await writeFile(join(outer.path, DISK), part(DISK));
    await writeFile(join(outer.path, name), '');
    const request = { path: join(outer.path, OVF), outputPath: outputPath() };
    expect(await codeOf(repairFile(request, quietProgress()))).toBe('lint-not-repairable');
  });

  it('a descriptor in UTF-16', async () => {
    const wrong = part(OVF).toString().replace('ovf:size="71680"', 'ovf:size="1"');
    const text = wrong.replace('encoding="UTF-8"', 'encoding="UTF-16LE"');
    const utf16 = Buffer.from(text, 'utf16le');
    const changed = parts.map((one) => (one.name === OVF ? { ...one, bytes: utf16 } : one));
    expect(await codeOf(repair(putTogether(withDigests(changed))))).toBe('lint-not-repairable');
  });

  it('files that are called the same without their folders', async () => {
    const [ovf, mf, disk] = parts;
    if (!ovf || !mf || !disk) throw new Error('a part is missing');
    const others = ['a/x.iso', 'b/x.iso'].map((name) => ({ name, bytes: Buffer.from(name) }));
    const bytes = putTogether(withDigests([ovf, mf, disk, ...others]));
    expect(await codeOf(repair(bytes))).toBe('lint-not-repairable');
  });

  it('what is right: it is copied to the bit', async () => {
    const good = putTogether(parts);
    const { repaired } = await repair(good);
    expect(repaired).toEqual([]);
    expect((await readFile(outputPath())).equals(good)).toBe(true);
  });
});

it('keeps a signature where no file changes, and leaves it out where it would be false', async () => {
  const whole = signed(certText());
  const kept = await repair(putTogether(whole).subarray(0, -1024));
  expect(kept.dropped).toEqual([]);
  expect(kept.after.findings).toEqual([]);
  expect(await takeApart(outputPath())).toEqual(whole);
  await rm(outputPath());

  const last = whole.toSorted(
    (one, other) => Number(one.name === CERT) - Number(other.name === CERT),
  );
  expect((await repair(putTogether(last))).dropped).toEqual([]);
  expect(await takeApart(outputPath())).toEqual(whole);
  await rm(outputPath());

  const bytes = Buffer.from(part(MF).toString().replaceAll('SHA256', 'SHA2-256'));
  const misspelled = whole.map((one) => (one.name === MF ? { ...one, bytes } : one));
  const dropped = await repair(putTogether(misspelled));
  expect(dropped.dropped).toEqual([CERT]);
  expect(await takeApart(outputPath())).toEqual(parts);
});

it('writes a disk of qemu-img anew, and the descriptor and the digests with it', async () => {
  const raw = join(outer.path, 'disk.raw');
  await withFile(raw, async (file) => {
    await file.truncate(64 * 2 ** 20);
    await file.write(Buffer.alloc(300_000, 'pattern '), 0, undefined, 5_000_000);
    await file.write('the end', 64 * 2 ** 20 - 7);
  });
  for (const subformat of ['streamOptimized', 'monolithicSparse']) {
    const vmdk = join(outer.path, 'theirs.vmdk');
    const option = `subformat=${subformat}`;
    await run(['qemu-img', 'convert', '-O', 'vmdk', '-o', option, raw, vmdk]);
    const bytes = await readFile(vmdk);
    const changed = parts.map((one) => (one.name === DISK ? { ...one, bytes } : one));
    const broken = putTogether(withDigests(changed));
    const { after } = await repair(broken);
    expect(after.findings).toEqual([]);
    await using ova = await openOva(outputPath());
    await checkDigests(ova, quietProgress());
    const { disk } = await checkDescriptor(ova);
    const unpacked = join(outer.path, `${subformat}.raw`);
    await extractDisk(ova, { disk, path: unpacked, progress: quietProgress() });
    await run(['cmp', raw, unpacked]);
    for (const path of [vmdk, outputPath()]) await rm(path);
  }
});

it('changes nothing but names and sizes in a descriptor', async () => {
  const wrong = (text: string) => text.replace('ovf:size="71680"', "  ovf:size = '1' ");
  await repair(withDescriptor(wrong));
  const [descriptor] = await takeApart(outputPath());
  const expected = part(OVF).toString().replace('ovf:size="71680"', '  ovf:size = "71680" ');
  expect(descriptor?.bytes.toString().trimEnd()).toBe(expected.trimEnd());
});

it('makes an OVA of an OVF and the files beside it', async () => {
  for (const { name, bytes } of parts) await writeFile(join(outer.path, name), bytes);
  const path = join(outer.path, OVF);
  await repairFile({ path, outputPath: outputPath() }, quietProgress());
  expect(await takeApart(outputPath())).toEqual(parts);
  expect((await lintFile(outputPath(), quietProgress())).findings).toEqual([]);
});

it('takes the place of the file when it is told to', async () => {
  const path = join(outer.path, 'x.ova');
  await writeFile(path, putTogether(parts.toReversed()));
  await repairFile({ path, outputPath: path }, quietProgress());
  expect(await takeApart(path)).toEqual(parts);
  expect(await readdir(outer.path)).toEqual(['x.ova']);
});

it('gives the file in its place the same readers, and a new one no more', async () => {
  const path = join(outer.path, 'x.ova');
  const mode = async (one: string) => (await stat(one)).mode & 0o777;
  await writeFile(path, putTogether(parts.toReversed()));
  await chmod(path, 0o640);
  await repairFile({ path, outputPath: outputPath() }, quietProgress());
  expect((await mode(outputPath())) & 0o137).toBe(0);
  await repairFile({ path, outputPath: path }, quietProgress());
  expect(await mode(path)).toBe(0o640);
});

it('leaves a file alone that is called like its own unfinished one', async () => {
  const path = `${outputPath()}.partial`;
  const bytes = putTogether(parts.toReversed());
  await writeFile(path, bytes);
  await repairFile({ path, outputPath: outputPath() }, quietProgress());
  expect((await readFile(path)).equals(bytes)).toBe(true);
  expect(await takeApart(outputPath())).toEqual(parts);
});

it('packs a descriptor whose ending is in capitals', async () => {
  const name = OVF.replace('.ovf', '.OVF');
  const mf = Buffer.from(part(MF).toString().replace(OVF, name));
  await writeFile(join(outer.path, name), part(OVF));
  await writeFile(join(outer.path, MF), mf);
  await writeFile(join(outer.path, DISK), part(DISK));
  const request = { path: join(outer.path, name), outputPath: outputPath() };
  const { before, after } = await repairFile(request, quietProgress());
  expect([before.findings, after.findings]).toEqual([[], []]);
  expect(await takeApart(outputPath())).toEqual(parts);
});

it('packs no file of another folder, whatever leads to it', async () => {
  const folder = join(outer.path, 'theirs');
  await mkdir(folder);
  await writeFile(join(outer.path, 'secret'), part(DISK));
  await writeFile(join(folder, OVF), part(OVF));
  await symlink('../secret', join(folder, DISK));
  const request = { path: join(folder, OVF), outputPath: outputPath() };
  expect(await codeOf(repairFile(request, quietProgress()))).toBe('lint-not-repairable');
  await rm(join(folder, DISK));
  await writeFile(join(folder, 'elsewhere.vmdk'), part(DISK));
  await symlink('elsewhere.vmdk', join(folder, DISK));
  await repairFile(request, quietProgress());
  expect(await takeApart(outputPath())).toEqual(parts);
});
