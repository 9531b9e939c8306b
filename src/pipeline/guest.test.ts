import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConsoleReader } from '../console/console-reader.ts';
import { AsyncQueue } from '../hypervisors/async-queue.ts';
import type { MachineEvent, RunningMachine } from '../hypervisors/hypervisor.ts';
import type { HeardMessage } from '../link/host.ts';
import { encodeMessage, type GuestMessage } from '../link/protocol.ts';
import { Guest } from './guest.ts';

const HELLO = {
  type: 'hello',
  constructor: 'node v20.19.2',
  kernel: '6.12.41',
  uptimeSeconds: 30,
} as const;
const GOOD = { type: 'verdict', verdict: { ok: true, seconds: 100 } } as const;

let folder = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-pipeline-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A machine as the hypervisors make it: a link and events that both end when it has stopped. */
async function switchedOn() {
  const link = new PassThrough();
  const events = new AsyncQueue<MachineEvent>();
  let stop: (event: MachineEvent) => void = () => {};
  const stopped = new Promise<MachineEvent>((resolve) => {
    stop = resolve;
  });
  const machine: RunningMachine = {
    link,
    events,
    stopped,
    screenshot: async () => {},
    checkpoint: async () => {},
    busyProcessors: async () => 0,
    requestPowerOff: async () => {},
    stop: async () => {},
  };
  const notes: string[] = [];
  const consolePath = join(folder, 'console.log');
  const guest = new Guest(machine, {
    filesFolder: folder,
    note: (line) => notes.push(line),
    console: await ConsoleReader.fromNow(consolePath),
    lookSeconds: 0.01,
  });
  return {
    guest,
    notes,
    say: (message: GuestMessage) => link.write(encodeMessage(message)),
    write: (text: string) => link.write(text),
    print: (text: string) => appendFile(consolePath, text),
    happens: (event: MachineEvent) => events.put(event),
    end: (event: MachineEvent) => {
      events.put(event);
      events.close();
      stop(event);
      link.end();
    },
  };
}

function following(guest: Guest) {
  const heard: HeardMessage[] = [];
  let alive = 0;
  guest.follow({ onMessage: (message) => heard.push(message), onAlive: () => (alive += 1) });
  return { heard, alive: () => alive };
}

describe('a guest that does its work', () => {
  test('is heard to greet, then to give its verdict, and may then power off', async () => {
    const { guest, say, end } = await switchedOn();
    say(HELLO);
    expect(await guest.hello).toEqual(HELLO);
    say(GOOD);
    expect(await guest.verdict).toEqual(GOOD.verdict);
    end({ type: 'stopped', by: 'guest' });
    const failed = await Promise.race([guest.failure.catch(() => true), later(false)]);
    expect(failed).toBe(false);
  });

  test('is believed when its verdict arrives after the news that its machine has stopped', async () => {
    const { guest, say, happens, end } = await switchedOn();
    happens({ type: 'stopped', by: 'guest' });
    await later(undefined);
    say(GOOD);
    end({ type: 'stopped', by: 'guest' });
    expect(await guest.verdict).toEqual(GOOD.verdict);
  });

  test('is followed from its first word, whenever the following begins', async () => {
    const { guest, say } = await switchedOn();
    say(HELLO);
    say({ type: 'log', origin: 'dpkg', line: 'one' });
    await guest.hello;
    await later(undefined);
    const { heard, alive } = following(guest);
    say({ type: 'log', origin: 'dpkg', line: 'two' });
    say(GOOD);
    await guest.verdict;
    expect(heard).toEqual([
      HELLO,
      { type: 'log', origin: 'dpkg', line: 'one' },
      { type: 'log', origin: 'dpkg', line: 'two' },
      GOOD,
    ]);
    // A sign of life is only what is heard now.
    expect(alive()).toBe(2);
  });

  test('sends files, each piece a sign of life', async () => {
    const { guest, say } = await switchedOn();
    const { heard, alive } = following(guest);
    const piece = (text: string, last: boolean) =>
      ({
        type: 'file',
        name: 'a.log',
        last,
        base64: Buffer.from(text).toString('base64'),
      }) as const;
    say(piece('one ', false));
    say(piece('two', true));
    say(GOOD);
    await guest.verdict;
    expect(await readFile(join(folder, 'a.log'), 'utf8')).toBe('one two');
    expect(heard).toEqual([GOOD]);
    expect(alive()).toBe(3);
  });

  test('is understood through noise', async () => {
    const { guest, say, write, notes } = await switchedOn();
    write('[    0.000000] Linux version 6.12\r\n\u001b[2J');
    say(HELLO);
    write('half a li');
    say(GOOD);
    expect(await guest.hello).toEqual(HELLO);
    expect(await guest.verdict).toEqual(GOOD.verdict);
    expect(notes).toHaveLength(1);
  });

  test('may reset itself or crash once its verdict is given: that is for its power-off', async () => {
    const { guest, say, happens } = await switchedOn();
    say(GOOD);
    await guest.verdict;
    happens({ type: 'reset' });
    const failed = await Promise.race([guest.failure.catch(() => true), later(false)]);
    expect(failed).toBe(false);
  });
});

describe('a verdict of failure', () => {
  test('is a verdict', async () => {
    const { guest, say, end } = await switchedOn();
    const verdict = { ok: false, step: 'install', code: 'x', message: 'y', details: [] } as const;
    say({ type: 'verdict', verdict });
    end({ type: 'stopped', by: 'host' });
    expect(await guest.verdict).toEqual(verdict);
  });
});

describe('a machine that ends without a verdict', () => {
  test.each([
    [{ type: 'stopped', by: 'guest' }, 'no-verdict'],
    [{ type: 'stopped', by: 'host' }, 'machine-ended'],
    [{ type: 'killed', reason: 'SIGKILL', outOfMemory: false }, 'machine-ended'],
    [{ type: 'killed', reason: 'SIGKILL', outOfMemory: true }, 'host-out-of-memory'],
    [{ type: 'stalled', reason: 'SIGSTOP' }, 'machine-stalled'],
    [{ type: 'panicked' }, 'guest-panicked'],
    [{ type: 'reset' }, 'guest-reset'],
    [{ type: 'crashed', reason: 'a defect' }, 'machine-crashed'],
  ] as const)('%j is %s', async (event, code) => {
    const { guest, say, end } = await switchedOn();
    say(HELLO);
    await guest.hello;
    end(event);
    await expect(guest.verdict).rejects.toMatchObject({ code });
  });

  test.each([
    [{ type: 'reset' }, 'guest-reset', 'the guest reset itself instead of giving a verdict'],
    [{ type: 'crashed', reason: 'a defect' }, 'machine-crashed', 'the machine crashed: a defect'],
    [
      { type: 'disk-error', reason: 'ENOSPC' },
      'machine-disk-error',
      'the disk of the machine failed: ENOSPC',
    ],
  ] as const)('%j is told at once, while the machine still runs', async (event, code, message) => {
    const { guest, happens } = await switchedOn();
    happens(event);
    await expect(guest.hello).rejects.toMatchObject({ kind: 'machine', code, message });
    await expect(guest.verdict).rejects.toMatchObject({ code });
  });

  test('a disk that fails after the verdict spoils it', async () => {
    const { guest, say, happens } = await switchedOn();
    say(GOOD);
    await guest.verdict;
    happens({ type: 'disk-error', reason: 'ENOSPC' });
    await expect(guest.failure).rejects.toMatchObject({ code: 'machine-disk-error' });
  });
});

describe('a console that shows that the guest is lost', () => {
  const panic = '[    9.1] Kernel panic - not syncing: out of memory\r\n';

  test('is the reason, though the machine goes on', async () => {
    const { guest, print } = await switchedOn();
    await print('PVMC FATAL: the medium was not found\r\n');
    await expect(guest.hello).rejects.toMatchObject({
      kind: 'machine',
      code: 'medium-gave-up',
      message: 'the guest is lost: the medium could not go on: the medium was not found',
      details: ['its console shows: PVMC FATAL: the medium was not found'],
    });
  });

  test('tells what the kernel panicked about', async () => {
    const { guest, say, print, happens } = await switchedOn();
    say(HELLO);
    await guest.hello;
    await print(panic);
    happens({ type: 'panicked' });
    await expect(guest.verdict).rejects.toMatchObject({
      code: 'guest-panicked',
      message: 'the guest is lost: the kernel panicked: out of memory',
      details: [`its console shows: ${panic.trim()}`],
    });
  });

  test('tells why the guest reset itself', async () => {
    const { guest, print, end } = await switchedOn();
    await print(panic);
    end({ type: 'reset' });
    await expect(guest.verdict).rejects.toMatchObject({
      code: 'guest-reset',
      message:
        'the guest reset itself instead of giving a verdict: the kernel panicked: out of memory',
    });
  });

  test('is not believed of a guest that speaks', async () => {
    const { guest, say, print } = await switchedOn();
    say(HELLO);
    await print(`a script prints: ${panic}`);
    for (let turn = 0; turn < 10; turn += 1) {
      say({ type: 'alive', uptimeSeconds: turn });
      await later(undefined);
    }
    say(GOOD);
    expect(await guest.verdict).toEqual(GOOD.verdict);
  });
});

test('a guest of another release is told from a silent one', async () => {
  const { guest, write } = await switchedOn();
  for (let line = 0; line < 3; line += 1) write('\u001epvmc9 00000000 {}\n');
  await expect(guest.hello).rejects.toMatchObject({ code: 'link-foreign-version' });
});

/** After everything that is on its way has arrived. */
async function later<T>(value: T): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, 20));
  return value;
}
