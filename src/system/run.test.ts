import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { commandLine, run, runFilter, runPipe } from './run.ts';

describe('run', () => {
  it('gives output and status, and logs each line with its origin', async () => {
    const lines: string[] = [];
    const result = await run(['sh', '-c', 'echo one; echo two >&2; exit 3'], {
      accept: [3],
      log: (line, origin) => lines.push(`${origin}: ${line}`),
    });
    expect(result).toEqual({ stdout: 'one', stderr: 'two', status: 3 });
    expect(lines.sort()).toEqual(['sh: one', 'sh: two']);
  });

  it('tells what to paste to repeat a failure', async () => {
    await expect(run(['sh', '-c', 'echo "no such thing" >&2; exit 1'])).rejects.toMatchObject({
      code: 'program-failed',
      message: 'sh failed with exit status 1',
      details: ['no such thing'],
      hint: `To repeat it: sh -c 'echo "no such thing" >&2; exit 1'`,
    });
  });

  it('names a program that is missing', async () => {
    await expect(run(['no-such-program'])).rejects.toMatchObject({ code: 'program-missing' });
  });

  it('passes no environment but the clean one', async () => {
    process.env['PVMC_TEST_SECRET'] = 'leaked';
    const { stdout } = await run(['env'], { env: { EXTRA: '1' } });
    delete process.env['PVMC_TEST_SECRET'];
    expect(stdout).not.toContain('leaked');
    expect(stdout).toContain('EXTRA=1');
  });

  it('ends the whole process group when the signal aborts', async () => {
    const controller = new AbortController();
    const pids: number[] = [];
    const running = run(['sh', '-c', 'sleep 100 & echo $!; wait'], {
      signal: controller.signal,
      log: (line) => {
        pids.push(Number(line));
        controller.abort(new Error('enough'));
      },
    });
    await expect(running).rejects.toThrow('enough');
    expect(await stateOf(pids[0] ?? 0)).toMatch(/^(gone|Z)$/);
  });

  it('ends it as it wants to be ended', async () => {
    const controller = new AbortController();
    const lines: string[] = [];
    // A shell that waits for a program heeds a signal only when that has ended.
    const script = 'trap "echo called off; exit" INT; echo ready; while :; do sleep 0.1; done';
    const running = run(['sh', '-c', script], {
      signal: controller.signal,
      endWith: 'SIGINT',
      log: (line) => {
        lines.push(line);
        controller.abort(new Error('enough'));
      },
    });
    await expect(running).rejects.toThrow('enough');
    expect(lines).toEqual(['ready', 'called off']);
  });

  it('has nothing to show of a program that fails in silence', async () => {
    await expect(run(['false'])).rejects.toMatchObject({ details: [] });
  });

  it('writes the input', async () => {
    expect((await run(['tr', 'a-z', 'A-Z'], { input: 'hello' })).stdout).toBe('HELLO');
  });
});

describe('runPipe', () => {
  it('joins two programs', async () => {
    const { stdout } = await runPipe(['seq', '200000'], ['tail', '-n', '1']);
    expect(stdout).toBe('200000');
  });

  it('blames the producer when it fails', async () => {
    const broken = runPipe(['sh', '-c', 'echo part; exit 4'], ['cat']);
    await expect(broken).rejects.toThrow('sh failed with exit status 4');
  });

  it('notices a consumer that stops reading', async () => {
    await expect(runPipe(['yes'], ['sh', '-c', 'exit 5'])).rejects.toThrow(
      /failed with exit status/,
    );
  });
});

describe('commandLine', () => {
  it('quotes what a shell would take apart', () => {
    expect(commandLine(['ls', '-l', "it's here", '$HOME'])).toBe(`ls -l 'it'\\''s here' '$HOME'`);
  });
});

/** A process's state letter (`Z`: ended, not yet collected by its parent), or `gone`. */
async function stateOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat === undefined ? 'gone' : (/\) (\S)/.exec(stat)?.[1] ?? '');
}

it('what a program leaves running is ended, and not waited for', async () => {
  const began = performance.now();
  const { stdout, status } = await run(['sh', '-c', 'sleep 60 & echo done']);
  expect({ stdout, status }).toEqual({ stdout: 'done', status: 0 });
  expect(performance.now() - began).toBeLessThan(20_000);
});

describe('runFilter', () => {
  it('writes behind what the file has, and uses no chunk when the next one is asked for', async () => {
    const memory = Buffer.alloc(200_000);
    async function* chunks() {
      for (const letter of ['a', 'b', 'c']) {
        memory.fill(letter);
        yield memory;
      }
    }
    const text = await filtered(['tr', 'a-z', 'A-Z'], chunks());
    const expected = ['first ', ...['A', 'B', 'C'].map((letter) => letter.repeat(200_000))];
    expect(text === expected.join('')).toBe(true);
  });

  it('fails with what the input has failed with, or else with what the program says', async () => {
    async function* broken() {
      yield Buffer.from('x');
      throw new Error('a bad sector');
    }
    await expect(filtered(['cat'], broken())).rejects.toThrow('a bad sector');
    async function* endless() {
      for (;;) yield Buffer.alloc(65536);
    }
    const program = ['sh', '-c', 'echo "no room" >&2; exit 7'];
    await expect(filtered(program, endless())).rejects.toMatchObject({ details: ['no room'] });
  });
});

async function filtered(argv: string[], input: AsyncIterable<Uint8Array>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pvmc-filter-'));
  const output = await open(join(folder, 'out'), 'w');
  try {
    await output.write('first ');
    await runFilter(argv, { input, output });
    return await readFile(join(folder, 'out'), 'latin1');
  } finally {
    await output.close();
    await rm(folder, { recursive: true });
  }
}
