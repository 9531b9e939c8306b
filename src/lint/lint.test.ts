/** For each rule a file that is wrong in that way, and what is said of it; and files that are right. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  codeOf,
  exportTiny,
  makeDisk,
  makeManifest,
  temporaryFolder,
} from '../appliance/testing/fixtures.ts';
import { putTogether } from '../appliance/testing/tampering.ts';
import { quietProgress } from '../system/progress.ts';
import { run } from '../system/run.ts';
import { QEMU_FILES } from './foreign-tools.ts';
import { type LintReport, lintFile } from './lint.ts';
import { allRules } from './rules.ts';
import { BROKEN_ARCHIVES } from './testing/broken-archives.ts';
import { BROKEN_DESCRIPTORS } from './testing/broken-descriptors.ts';
import { BROKEN_DISKS } from './testing/broken-disks.ts';
import { BROKEN_MANIFESTS } from './testing/broken-manifests.ts';
import { BROKEN_SIGNATURES, certText, signed } from './testing/broken-signatures.ts';
import { DISK, MF, OVF, part, parts, partsWith } from './testing/small-appliance.ts';

const BROKEN = [
  ...BROKEN_ARCHIVES,
  ...BROKEN_MANIFESTS,
  ...BROKEN_SIGNATURES,
  ...BROKEN_DESCRIPTORS,
  ...BROKEN_DISKS,
];

let outer: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  outer = await temporaryFolder();
});
afterAll(() => outer[Symbol.asyncDispose]());

async function lint(bytes: Buffer, ending: 'ova' | 'vmdk' = 'ova'): Promise<LintReport> {
  const path = join(outer.path, `broken.${ending}`);
  await writeFile(path, bytes);
  return lintFile(path, quietProgress());
}

const names = ({ findings }: LintReport) => [...new Set(findings.map(({ rule }) => rule.name))];

describe('every rule has a file that it complains about', () => {
  it.each(BROKEN.map((one) => [`${one.rule}${one.how ? `, ${one.how}` : ''}`, one] as const))(
    '%s',
    async (_, { rule, bytes, place, message, also = [], ending }) => {
      const report = await lint(bytes(), ending);
      expect(names(report).toSorted()).toEqual([rule, ...also].toSorted());
      const found = report.findings.find((one) => one.rule.name === rule);
      const told = Object.fromEntries(
        Object.entries(found?.place ?? {}).filter(([, value]) => value !== undefined),
      );
      expect({ place: told, message: found?.message }).toMatchObject({ place, message });
    },
  );

  it('none is left out', () => {
    const shown = new Set(BROKEN.map(({ rule }) => rule));
    expect(
      allRules()
        .map(({ name }) => name)
        .filter((name) => !shown.has(name)),
    ).toEqual([]);
  });
});

describe('our own exports have no findings', () => {
  it.each(['bios', 'uefi'] as const)('for %s', async (firmware) => {
    const folder = join(outer.path, firmware);
    await mkdir(folder);
    const diskPath = join(folder, 'disk.raw');
    await makeDisk(diskPath);
    const manifest = makeManifest({ machine: { firmware } });
    const formats = ['ova', 'ovf', 'vmdk'] as const;
    const files = await exportTiny({ diskPath, outputFolder: folder, manifest, formats });
    const lintFirst = (wanted: (typeof formats)[number]) =>
      lintFile(files.find(({ format }) => format === wanted)?.path ?? '', quietProgress());
    for (const kind of ['ova', 'ovf'] as const) {
      const report = await lintFirst(kind);
      expect(report).toMatchObject({ kind, files: [OVF, MF, DISK], findings: [] });
    }
    expect(await lintFirst('vmdk')).toMatchObject({ kind: 'vmdk', findings: [] });
  });

  it.each(['bios', 'uefi'] as const)('with properties, for %s', async (firmware) => {
    const properties = ['hostname', 'network', { name: 'size', type: 'string', choices: ['s'] }];
    const right = partsWith(part(DISK), { machine: { firmware }, properties });
    expect((await lint(putTogether(right))).findings).toEqual([]);
  });
});

describe('a signature that is right has no findings', () => {
  it.each([
    ['RSA', {}],
    ['ECDSA on P-256', { key: 'p256.key', certificates: ['p256.pem'] }],
    ['ECDSA on P-384', { key: 'p384.key', certificates: ['p384.pem'] }],
    ['a chain', { key: 'leaf.key', certificates: ['chain.pem'] }],
    ['SHA512', { algorithm: 'SHA512' }],
  ])('with %s', async (_, signing) => {
    expect((await lint(putTogether(signed(certText(signing))))).findings).toEqual([]);
  });

  it('and blanks, capitals and the line ends of Windows do not matter', async () => {
    const text = certText()
      .replace('SHA256(', 'SHA256 (')
      .replace(/= .*/, (hex) => hex.toUpperCase())
      .replaceAll('\n', '\r\n');
    expect((await lint(putTogether(signed(text)))).findings).toEqual([]);
  });
});

describe('what qemu-img writes', () => {
  it.each(Object.entries(QEMU_FILES))('as %s is told', async (subformat, { found }) => {
    const raw = join(outer.path, 'disk.raw');
    await writeFile(raw, Buffer.alloc(300_032, 'pattern '));
    const vmdk = join(outer.path, `${subformat}.vmdk`);
    await run(['qemu-img', 'convert', '-O', 'vmdk', '-o', `subformat=${subformat}`, raw, vmdk]);
    expect(names(await lintFile(vmdk, quietProgress()))).toEqual(found);
  });
});

describe('an OVF is looked at with the files beside it', () => {
  async function folderWith(kept: readonly string[]): Promise<string> {
    const folder = join(outer.path, `folder-${kept.length}`);
    await mkdir(folder);
    for (const name of kept) await writeFile(join(folder, name), part(name));
    return join(folder, OVF);
  }

  it('and has no findings when they are right', async () => {
    const path = await folderWith(parts.map(({ name }) => name));
    const report = await lintFile(path, quietProgress());
    expect(report).toMatchObject({ kind: 'ovf', files: [OVF, MF, DISK], findings: [] });
  });

  it('or are not there', async () => {
    const report = await lintFile(await folderWith([OVF]), quietProgress());
    expect(names(report)).toEqual(['manifest-missing', 'file-missing']);
  });
});

it('names a few of many faults, and counts the others', async () => {
  const members = Array.from({ length: 50 }, (_, n) => ({ name: `n${n}`, bytes: Buffer.alloc(0) }));
  const { findings } = await lint(putTogether([...parts, ...members]));
  const missing = findings.filter(({ rule }) => rule.name === 'digest-missing');
  expect(missing).toHaveLength(5);
  expect(missing.at(-1)?.more).toBe(45);
});

it.each([
  ['a folder', '/', 'ova-unreadable'],
  ['a device', '/dev/zero', 'ova-unreadable'],
  ['nothing', '/nothing.ova', 'file-missing'],
])('says of %s that it cannot be read', async (_, path, code) => {
  expect(await codeOf(lintFile(path, quietProgress()))).toBe(code);
});
