import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { MachineEvent } from '../hypervisors/hypervisor.ts';
import { runInShell, ShellOutput } from './shell-command.ts';

const PROMPT = '\u001b[?2004hroot@pvmc:~# ';

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-pipeline-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('the output of a command', () => {
  function taking(...pieces: readonly string[]) {
    let passed = '';
    const output = new ShellOutput(
      (bytes) => (passed += Buffer.from(bytes).toString('latin1')),
      () => {},
    );
    const statuses = pieces.map((piece) => output.take(Buffer.from(piece, 'latin1')));
    return { passed, status: statuses.find((status) => status !== undefined) };
  }

  test('is what stands between the marks', () => {
    expect(taking('noise\n\u001epvmc-begin\none\ntwo\u001epvmc-end 3\n')).toEqual({
      passed: 'one\ntwo',
      status: 3,
    });
  });

  test('is the same in pieces of one byte', () => {
    const bytes = 'x\u001epvmc-begin\na\u001eb\n\u001epvmc-\u001epvmc-end 0\n'.split('');
    expect(taking(...bytes)).toEqual({ passed: 'a\u001eb\n\u001epvmc-', status: 0 });
  });

  test('is passed on as it comes, and has no status before its end', () => {
    expect(taking('\u001epvmc-begin\nfirst words')).toEqual({
      passed: 'first words',
      status: undefined,
    });
  });
});

describe('a command in the shell of the guest', () => {
  /** A guest whose console says what the test lets it, and whose shell answers one line. */
  function startGuest() {
    const console = new PassThrough();
    const link = new PassThrough();
    // What is written to a PassThrough comes out of it: here the guest reads the other end.
    const typed: string[] = [];
    const keyboard = {
      [Symbol.asyncIterator]: () => console[Symbol.asyncIterator](),
      write: (bytes: Uint8Array | string) => {
        typed.push(bytes.toString());
        link.write('\u001epvmc-begin\nvda 8G\n\u001epvmc-end 0\n');
      },
    };
    let end: (event: MachineEvent) => void = () => {};
    const stopped = new Promise<MachineEvent>((resolve) => {
      end = resolve;
    });
    let output = '';
    const status = runInShell({
      running: { link, stopped },
      console: keyboard,
      consoleLogPath: join(folder, 'console.log'),
      limitSeconds: 0.5,
      onOutput: (bytes) => (output += Buffer.from(bytes).toString()),
      signal: new AbortController().signal,
    });
    return { console, typed, status, end, output: () => output };
  }

  test('is started by one line, once the shell asks for one', async () => {
    const { console, typed, status, output } = startGuest();
    console.write('GRUB loading.\r\nPVMC medium\r\n');
    for (const key of PROMPT) console.write(key);
    expect(await status).toBe(0);
    expect(typed).toEqual(['bash /run/credentials/@system/pvmc.command-script\n']);
    expect(output()).toBe('vda 8G\n');
  });

  test('is waited for no longer than a boot may take', async () => {
    await expect(startGuest().status).rejects.toMatchObject({ code: 'time-limit' });
  });

  test('ends with the machine', async () => {
    const { status, end } = startGuest();
    end({ type: 'panicked' });
    await expect(status).rejects.toMatchObject({ code: 'guest-panicked' });
  });
});
