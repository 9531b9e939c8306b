import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PvmcError } from '../system/error.ts';
import {
  clockEvidence,
  diskEvidence,
  mediumEvidence,
  memoryEvidence,
  missingOfNetwork,
  networkEvidence,
  parseKernelLog,
} from './evidence.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';

/** A kernel that tells these things: path below /sys or /proc → content. */
async function kernelTelling(files: Readonly<Record<string, string>>) {
  const folder = await temporaryFolder();
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder.path, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, content);
  }
  return {
    kernel: { sys: join(folder.path, 'sys'), proc: join(folder.path, 'proc') },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const WORKSPACE = { disk: '/dev/vda', scratch: '/run/pvmc/scratch' };
const DISK = {
  'sys/block/vda/ro': '0\n',
  'proc/self/mounts': '/dev/loop1 /run/pvmc/scratch ext4 rw 0 0\n',
};

test('the kernel’s log is read with its times', () => {
  expect(parseKernelLog('[   12.500000] virtio_blk: hello\nnoise\n[  100.1] x\n')).toEqual([
    { seconds: 12.5, text: 'virtio_blk: hello' },
    { seconds: 100.1, text: 'x' },
  ]);
});

describe('the disk', () => {
  const log = (text: string) => [{ seconds: 1, text }];

  test.each([
    ['vda', 'I/O error, dev vda, sector 2048 op 0x1:(WRITE) flags 0x800'],
    ['a partition', 'Buffer I/O error on dev vda3, logical block 7, lost async page write'],
    ['the scratch file system', 'EXT4-fs error (device loop1): ext4_find_entry:1663: inode #2'],
    ['its loop device', 'critical medium error, dev loop1, sector 8 op 0x0:(READ)'],
  ])('with errors in the kernel’s log: %s', async (_what, text) => {
    await using told = await kernelTelling(DISK);
    expect(diskEvidence(told.kernel, WORKSPACE, log(text))).toMatchObject({
      code: 'guest-disk-error',
      message: `the disk /dev/vda gives errors: ${text}`,
    });
  });

  test.each([
    'I/O error, dev vdb, sector 2048',
    'I/O error, dev sr0, sector 1',
    'EXT4-fs error (device loop0): x',
    'EXT4-fs (vda3): mounted filesystem',
  ])('that is another one is not accused: %s', async (text) => {
    await using told = await kernelTelling(DISK);
    expect(diskEvidence(told.kernel, WORKSPACE, log(text))).toBeUndefined();
  });

  test('that has vanished, or is read-only', async () => {
    await using gone = await kernelTelling({ 'sys/block/sda/ro': '0' });
    expect(diskEvidence(gone.kernel, WORKSPACE, [])?.code).toBe('guest-disk-lost');
    await using locked = await kernelTelling({ ...DISK, 'sys/block/vda/ro': '1\n' });
    expect(diskEvidence(locked.kernel, WORKSPACE, [])?.code).toBe('guest-disk-read-only');
    await using healthy = await kernelTelling(DISK);
    expect(diskEvidence(healthy.kernel, WORKSPACE, [])).toBeUndefined();
    expect(diskEvidence(gone.kernel, { ...WORKSPACE, disk: '' }, [])).toBeUndefined();
  });
});

test('the medium is accused by the kernel’s own words only', () => {
  const text = 'SQUASHFS error: Unable to read page, block 5f3, size 8a0';
  expect(mediumEvidence([{ seconds: 1, text }])?.code).toBe('medium-damaged');
  expect(
    mediumEvidence([{ seconds: 1, text: 'sr 1:0:0:0: [sr0] scsi3-mmc drive' }]),
  ).toBeUndefined();
});

test('memory has run out when the kernel has ended programs since the beginning', () => {
  const killed = 'Out of memory: Killed process 812 (dpkg) total-vm:1024kB';
  expect(memoryEvidence(0, [])).toBeUndefined();
  expect(memoryEvidence(1, [{ seconds: 9, text: killed }])).toMatchObject({
    code: 'guest-memory-exhausted',
    lines: [killed],
  });
});

describe('the network', () => {
  const CARD = { 'sys/class/net/eth0/device/vendor': '', 'sys/class/net/lo/carrier': '1\n' };
  const ROUTE = 'Iface\tDestination\tGateway\neth0\t00000000\t0202000A\n';

  test.each([
    ['it has no network card', { 'sys/class/net/lo/carrier': '1\n' }, true],
    ['eth0 has no carrier', { ...CARD, 'sys/class/net/eth0/carrier': '0\n' }, true],
    ['eth0 has no carrier', CARD, true],
    ['eth0 has no address', { ...CARD, 'sys/class/net/eth0/carrier': '1\n' }, false],
    ['there is no route out of eth0', { ...CARD, 'sys/class/net/eth0/carrier': '1\n' }, true],
    [undefined, { ...CARD, 'sys/class/net/eth0/carrier': '1\n', 'proc/net/route': ROUTE }, true],
  ])('%s', async (expected, files, addressed) => {
    await using told = await kernelTelling(files);
    expect(missingOfNetwork(told.kernel, addressed)).toBe(expected);
  });

  const unreachable = new PvmcError({
    kind: 'construct',
    code: 'repository-unreachable',
    message: 'no answer',
  });
  const script = new PvmcError({ kind: 'construct', code: 'script-failed', message: 'failed' });
  const lost = { before: undefined, now: 'eth0 has no carrier' };
  const never = { before: 'it has no network card', now: 'it has no network card' };

  test('is the reason of what needs it', () => {
    expect(networkEvidence('fetch', unreachable, lost)?.message).toBe(
      'the machine has lost its network: eth0 has no carrier',
    );
    expect(networkEvidence('fetch', unreachable, never)?.message).toBe(
      'the machine has no network: it has no network card',
    );
    expect(networkEvidence('scripts', script, lost)?.code).toBe('guest-network-lost');
  });

  test('is not the reason of what does not need it, or of what failed with it in order', () => {
    expect(networkEvidence('scripts', script, never)).toBeUndefined();
    expect(networkEvidence('kernel', new Error('x'), lost)).toBeUndefined();
    const well = { before: undefined, now: undefined };
    expect(networkEvidence('fetch', unreachable, well)).toBeUndefined();
  });
});

describe('the clock', () => {
  const epoch = Date.UTC(2026, 0, 1) / 1000;
  const tooEarly = new PvmcError({
    kind: 'construct',
    code: 'repository-unreachable',
    message: 'certificate is not yet valid',
    cause: Object.assign(new Error('not yet'), { code: 'CERT_NOT_YET_VALID' }),
  });

  test('is named when it is absurd and something was refused for its date', () => {
    const now = Date.UTC(2001, 4, 6) / 1000;
    expect(clockEvidence('fetch', tooEarly, { now, epoch })?.message).toBe(
      'the machine’s clock is wrong: it says 2001-05-06',
    );
    expect(clockEvidence('scripts', new Error('x'), { now, epoch })?.code).toBe(
      'guest-clock-wrong',
    );
  });

  test('is left alone when it is plausible, or had nothing to do with it', () => {
    const now = Date.UTC(2027, 4, 6) / 1000;
    expect(clockEvidence('fetch', tooEarly, { now, epoch })).toBeUndefined();
    expect(clockEvidence('install', new Error('x'), { now: 0, epoch })).toBeUndefined();
  });
});
