import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkMessage } from './guest-message.ts';
import { type HeardMessage, receiveLink } from './host.ts';
import { encodeMessage, type GuestMessage } from './protocol.ts';
import { harmlessName, ReceivedFiles } from './received-files.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-test-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

interface Heard {
  readonly messages: HeardMessage[];
  readonly notes: string[];
  readonly signsOfLife: number;
}

async function hear(...pieces: readonly (string | Uint8Array)[]): Promise<Heard> {
  const messages: HeardMessage[] = [];
  const notes: string[] = [];
  let signsOfLife = 0;
  await receiveLink(bytesOf(pieces), {
    filesFolder: join(folder, 'guest'),
    onMessage: (message) => messages.push(message),
    onAlive: () => {
      signsOfLife += 1;
    },
    note: (text) => notes.push(text),
  });
  return { messages, notes, signsOfLife };
}

async function* bytesOf(pieces: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
}

/** A line of ours with anything in it. */
function line(message: unknown): string {
  return encodeMessage(message as GuestMessage);
}

describe('messages', () => {
  it('of every type arrive as they were said, in order', async () => {
    const said: HeardMessage[] = [
      { type: 'hello', constructor: '1.0.0', kernel: '6.12', uptimeSeconds: 30.5 },
      { type: 'plan', steps: [{ name: 'disk', title: 'Find the disk' }] },
      { type: 'step-started', step: 'disk' },
      { type: 'amount', step: 'disk', amount: { done: 1, total: 2, unit: 'packages' } },
      { type: 'log', origin: 'apt', line: 'Übung\tmacht' },
      { type: 'notice', line: 'careful' },
      { type: 'alive', uptimeSeconds: 40 },
      { type: 'step-finished', step: 'disk', seconds: 1.5 },
      { type: 'checkpoint', name: 'install', key: '0123' },
      { type: 'verdict', verdict: { ok: true, seconds: 12 } },
      {
        type: 'verdict',
        verdict: { ok: false, step: 'disk', code: 'x', message: 'a\nb', hint: 'c', details: ['d'] },
      },
    ];
    const heard = await hear(...said.map(encodeMessage));
    expect(heard.messages).toEqual(said);
  });

  it('of an unknown type or a wrong shape are noted once each, and nothing else happens', async () => {
    const heard = await hear(
      line({ type: 'telepathy' }),
      line({ type: 'telepathy', again: true }),
      line({ type: 'log', origin: 'apt' }),
      line({ type: 'amount', step: 'x', amount: { done: -1, unit: 'bytes' } }),
      line([1, 2]),
      line(null),
      line({ type: 'notice', line: 'still here' }),
    );
    expect(heard.notes).toEqual([
      'the guest said a message of the unknown type "telepathy"; it is left out',
      'the guest said a broken "log" message; it is left out',
      'the guest said a broken "amount" message; it is left out',
      'the guest said something that is no message; it is left out',
    ]);
    expect(heard.messages).toEqual([{ type: 'notice', line: 'still here' }]);
    expect(heard.signsOfLife).toBe(7);
  });

  it('bring no escape sequences to a terminal', async () => {
    const { messages } = await hear(
      line({ type: 'log', origin: 'a\u0007', line: '\u001b[31mred\u001b[0m\u009b2J\r\nmore' }),
    );
    expect(messages).toEqual([{ type: 'log', origin: 'a', line: 'red more' }]);
  });

  it('of any content do not break the check', () => {
    const types = ['hello', 'plan', 'log', 'file', 'verdict', 'amount', '__proto__', 'constructor'];
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.record({ type: fc.constantFrom(...types), verdict: fc.jsonValue() }),
        ),
        (value) => {
          const checked = checkMessage(JSON.parse(JSON.stringify(value)));
          expect(checked.known || checked.why.length > 0).toBe(true);
        },
      ),
    );
  });
});

describe('noise', () => {
  it('is left out, and one note tells of it, with its first line', async () => {
    const noise = Array.from({ length: 30 }, (_, index) => `\u001b[1mnoise ${index}\n`);
    const heard = await hear(...noise, line({ type: 'notice', line: 'x' }), 'half a line');
    expect(heard.notes).toEqual([
      'something other than the constructor writes to the link; it is left out: "noise 0"',
    ]);
    expect(heard.messages).toHaveLength(1);
  });

  it('is no sign of life', async () => {
    expect((await hear('a kernel that picks the wrong port\n')).signsOfLife).toBe(0);
  });
});

describe('a constructor of another version', () => {
  const foreign = line({ type: 'notice', line: 'x' }).replace('pvmc1', 'pvmc7');

  it('ends the conversation after three lines', async () => {
    await expect(hear(foreign, foreign, foreign)).rejects.toMatchObject({
      code: 'link-foreign-version',
      message:
        "the guest's constructor speaks version 7 of the link's protocol, this pvmc version 1",
    });
  });

  it('is not seen in two broken lines, nor after a message of ours', async () => {
    await hear(foreign, foreign);
    const ours = line({ type: 'notice', line: 'x' });
    const heard = await hear(foreign, foreign, ours, foreign, foreign, foreign);
    expect(heard.messages).toHaveLength(1);
  });
});

describe('files', () => {
  const file = (name: string, last: boolean, text: string | Buffer) =>
    line({ type: 'file', name, last, base64: Buffer.from(text).toString('base64') });

  it('are put together from pieces, side by side', async () => {
    const heard = await hear(
      file('apt.log', false, 'one '),
      file('journal', false, Buffer.from([0, 255])),
      file('apt.log', true, 'two'),
      file('journal', true, Buffer.from([1])),
      file('empty', true, ''),
    );
    const path = (name: string) => join(folder, 'guest', name);
    expect(await readFile(path('apt.log'), 'utf8')).toBe('one two');
    expect([...(await readFile(path('journal')))]).toEqual([0, 255, 1]);
    expect((await stat(path('empty'))).size).toBe(0);
    expect(heard.messages).toEqual([]);
  });

  it('land in their folder, whatever they are called', async () => {
    await hear(file('../../etc/passwd', true, 'x'), file('..', true, 'y'), file('a/b', true, 'z'));
    expect(await readdir(folder)).toEqual(['guest']);
    expect((await readdir(join(folder, 'guest'))).sort()).toEqual([
      '_.._etc_passwd',
      'a_b',
      'unnamed',
    ]);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(harmlessName(name)).toMatch(/^[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,99}$/);
      }),
    );
  });

  it('that never end are kept as far as they came, with a note', async () => {
    const heard = await hear(file('journal', false, 'so far'));
    expect(await readFile(join(folder, 'guest', 'journal'), 'utf8')).toBe('so far');
    expect(heard.notes).toEqual(["the guest's file journal is incomplete"]);
  });

  it('are cut off at the limit of one, and of all, and of their number', async () => {
    const notes: string[] = [];
    const limits = { fileBytes: 8, allFilesBytes: 12, files: 3 };
    const files = new ReceivedFiles(folder, (text) => notes.push(text), limits);
    const piece = (name: string, text: string, last = true) =>
      files.take({ name, last, base64: Buffer.from(text).toString('base64') });
    await piece('a', '123456', false);
    await piece('a', '789', false);
    await piece('a', 'more', true);
    await piece('b', '12345');
    await piece('c', '');
    await piece('d', 'x');
    await files.close();
    expect(await readFile(join(folder, 'a'), 'utf8')).toBe('12345678');
    expect(await readFile(join(folder, 'b'), 'utf8')).toBe('1234');
    expect((await readdir(folder)).sort()).toEqual(['a', 'b', 'c']);
    expect(notes).toEqual([
      "the guest's file a is cut off after 8 B",
      "the guest's file b is cut off after 4 B",
      'the guest sends more than 3 files: the rest is left out',
    ]);
  });

  it('that cannot be written end the conversation with the reason', async () => {
    await writeFile(join(folder, 'guest'), 'a file where the folder should be');
    await expect(hear(file('a', true, 'x'))).rejects.toMatchObject({
      code: 'file-not-written',
      kind: 'host',
    });
  });
});
