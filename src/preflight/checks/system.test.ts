/** What the kernel tells in files, from files that a kernel could have written. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { clock } from './clock.ts';
import { limits } from './limits.ts';
import { memory } from './memory.ts';

const { signal } = new AbortController();
const GIB = 2 ** 30;

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-preflight-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), text);
}

describe('memory', () => {
  const look = (memoryBytes: number) => {
    const places = { procFolder: join(folder, 'proc'), cgroupFolder: join(folder, 'cgroup') };
    return memory({ memoryBytes, ...places }).look(signal);
  };

  async function putMemory(totalGib: number, availableGib: number): Promise<void> {
    const kib = (gib: number) => gib * 2 ** 20;
    await put(
      'proc/meminfo',
      `MemTotal:       ${kib(totalGib)} kB\nMemFree:        1 kB\nMemAvailable:   ${kib(availableGib)} kB\n` +
        'SwapTotal:      0 kB\nSwapFree:       0 kB\n',
    );
  }

  test('suffices', async () => {
    await putMemory(8, 6);
    expect(await look(GIB)).toEqual([
      { state: 'ok', finding: '6 GiB of this computer are available; the machine wants 1 GiB' },
    ]);
  });

  test('may be taken by others', async () => {
    await putMemory(8, 1);
    const [found] = await look(GIB);
    expect(found).toMatchObject({
      state: 'warning',
      finding:
        'the machine wants 1 GiB and QEMU some more, and only 1 GiB of this computer are available',
      cure: { commands: ['ps -eo rss,pid,args --sort=-rss | head'] },
    });
  });

  test('may be less than the machine’s in all', async () => {
    await putMemory(2, 2);
    const [found] = await look(4 * GIB);
    expect(found).toMatchObject({
      state: 'problem',
      finding: 'the machine wants 4 GiB, and this computer has 2 GiB in all',
    });
  });

  test('of a container counts, whichever control groups it has', async () => {
    await putMemory(64, 60);
    await put('proc/self/cgroup', '0::/user.slice/pvmc\n');
    await put('cgroup/user.slice/pvmc/memory.max', 'max\n');
    await put('cgroup/user.slice/memory.max', `${2 * GIB}\n`);
    await put('cgroup/user.slice/memory.current', `${GIB}\n`);
    await put('cgroup/user.slice/memory.stat', `anon 5\ninactive_file ${GIB / 4}\nactive_file 0\n`);
    expect(await look(GIB)).toMatchObject([
      { state: 'warning', finding: expect.stringContaining('1.3 GiB of this container') },
    ]);
    await put('proc/self/cgroup', '4:cpu,memory:/docker/1f\n');
    await put('cgroup/memory/memory.limit_in_bytes', `${GIB / 2}\n`);
    expect(await look(GIB)).toMatchObject([
      { state: 'problem', finding: expect.stringContaining('this container has 512 MiB in all') },
    ]);
    await put('cgroup/memory/memory.limit_in_bytes', '9223372036854771712\n');
    expect(await look(GIB)).toMatchObject([{ state: 'ok' }]);
  });

  test('is what Node.js says where the kernel does not tell', async () => {
    expect(await look(1)).not.toMatchObject([{ state: 'problem' }]);
    await put('proc/meminfo', 'nonsense');
    expect(await look(2 ** 60)).toMatchObject([{ state: 'problem' }]);
  });
});

describe('limits', () => {
  const look = (text: string) =>
    put('limits', text).then(() =>
      limits({
        diskBytes: 8 * GIB,
        memoryBytes: GIB,
        limitsPath: join(folder, 'limits'),
      }).look(signal),
    );
  const header = 'Limit                     Soft Limit           Hard Limit           Units     \n';

  test('are mostly none', async () => {
    const lines =
      'Max file size             unlimited            unlimited            bytes     \n' +
      'Max address space         unlimited            unlimited            bytes     \n';
    expect(await look(header + lines)).toMatchObject([{ state: 'ok' }]);
    // A kernel that tells nothing limits nothing that we know.
    expect(await look('')).toMatchObject([{ state: 'ok' }]);
  });

  test('of file size stop the disk', async () => {
    const line = 'Max file size             1048576              unlimited            bytes     \n';
    expect(await look(header + line)).toEqual([
      {
        state: 'problem',
        finding: 'files may not be larger than 1 MiB, and the machine’s disk is one of 8 GiB',
        cure: { commands: ['ulimit -f unlimited'] },
      },
    ]);
  });

  test('that were set for good only root can raise', async () => {
    const line = 'Max address space         1073741824           1073741824           bytes     \n';
    const [found] = await look(header + line);
    const cure =
      process.getuid?.() === 0
        ? { commands: ['ulimit -v unlimited'] }
        : { advice: expect.stringContaining('administrator') };
    expect(found).toMatchObject({ state: 'problem', cure });
  });
});

describe('the clock', () => {
  const at = (time: string) => clock(() => Date.parse(time) / 1000).look(signal);

  test('tells a possible time', async () => {
    expect(await at('2026-11-25T22:10:00Z')).toEqual([
      { state: 'ok', finding: '2026-11-25 22:10:00 UTC' },
    ]);
  });

  test.each(['1970-01-01T00:01:00Z', '2099-01-01T00:00:00Z'])('cannot be at %s', async (time) => {
    expect(await at(time)).toMatchObject([
      {
        state: 'problem',
        cure: { commands: [expect.stringContaining('timedatectl set-ntp true')] },
      },
    ]);
  });
});
