import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConsoleReader } from './console-reader.ts';
import { signOfLoss } from './console-watch.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-test-'));
  path = join(folder, 'console.log');
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const PANIC = '[    2.4] Kernel panic - not syncing: Attempted to kill init!\r\n';

/** A console that is looked at every 10 ms, of a guest that says what the test lets it. */
async function watching() {
  const abort = new AbortController();
  let words = 0;
  const lost = signOfLoss({
    reader: await ConsoleReader.fromNow(path),
    wordsHeard: () => words,
    signal: abort.signal,
    lookSeconds: 0.01,
  });
  return { lost, speak: () => (words += 1), stop: () => abort.abort() };
}

describe('a guest that has not spoken', () => {
  it('is lost soon after its console shows it', async () => {
    const { lost } = await watching();
    await delay(30);
    await appendFile(path, `Linux version 6.12\r\n${PANIC}`);
    expect(await lost).toMatchObject({ code: 'guest-panicked', line: PANIC.trim() });
  });

  it('is lost at a prompt, which ends no line', async () => {
    const { lost } = await watching();
    await appendFile(path, 'grub resc');
    await delay(30);
    await appendFile(path, 'ue> ');
    expect(await lost).toMatchObject({ code: 'boot-loader-stuck', line: 'grub rescue>' });
  });
});

describe('a guest that speaks', () => {
  it('is not lost, whatever stands on its console', async () => {
    const { lost, speak, stop } = await watching();
    speak();
    for (let turn = 0; turn < 8; turn += 1) {
      if (turn === 2) await appendFile(path, PANIC);
      await delay(50);
      speak();
    }
    stop();
    expect(await lost).toBeUndefined();
  });

  it('is lost when it says nothing any more', async () => {
    const { lost, speak } = await watching();
    speak();
    await appendFile(path, PANIC);
    expect(await lost).toMatchObject({ code: 'guest-panicked' });
  });
});

describe('reading a console', () => {
  it('gives each line once, however the bytes come', async () => {
    const reader = await ConsoleReader.fromNow(path);
    expect(await reader.read()).toEqual([]);
    await appendFile(path, Buffer.from('one\r\ngr\u00fc').subarray(0, 8));
    expect(await reader.read()).toEqual(['one', 'gr\ufffd']);
    await appendFile(path, Buffer.from('\u00fcn\r\n').subarray(1));
    expect(await reader.read()).toEqual(['gr\u00fcn']);
    expect(await reader.read()).toEqual([]);
  });

  it('begins where an earlier run has ended, and keeps the last lines', async () => {
    await appendFile(path, PANIC);
    const reader = await ConsoleReader.fromNow(path);
    await appendFile(path, 'one\r\ntwo\r\ngrub> ');
    await reader.read();
    expect(reader.recent).toEqual(['one', 'two', 'grub>']);
  });

  it('survives a flood, garbage and a line without end', async () => {
    const reader = await ConsoleReader.fromNow(path);
    const garbage = Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7) % 256));
    for (let turn = 0; turn < 3; turn += 1) {
      await appendFile(path, Buffer.alloc(3 * 2 ** 20, '0123456789'));
      await appendFile(path, garbage);
      await reader.read();
    }
    await appendFile(path, `\r\n${PANIC}`);
    expect(await reader.read()).toContain(PANIC.trim());
  });
});
