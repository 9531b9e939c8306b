import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { LinkSender } from './link-sender.ts';
import { serialLine } from './testing/serial-line.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';

afterEach(() => {
  vi.useRealTimers();
});

const isLast = (message: unknown) => JSON.stringify(message).includes('the last one');

test('words arrive whole and in the order in which they were said', async () => {
  await using line = await serialLine();
  const sender = await LinkSender.open(line.path);
  const said = [
    ...Array.from({ length: 200 }, (_, index) => ({
      type: 'log' as const,
      origin: 'dpkg',
      line: `${index}: Größe 漢字 \u001b[1mbold\u001b[0m \u0003 \u0004 \r ${'x'.repeat(index)}`,
    })),
    { type: 'notice' as const, line: 'the last one' },
  ];
  for (const message of said) sender.say(message);
  await sender.close();
  await line.until(isLast);
  expect(line.events).toEqual(said.map((message) => ({ type: 'message', message })));
});

test('a file arrives in pieces that fit into messages', async () => {
  await using line = await serialLine();
  const sender = await LinkSender.open(line.path);
  const content = randomBytes(250_000);
  sender.sendFile('journal.log', content);
  sender.sendFile('empty.log', Buffer.alloc(0));
  sender.say({ type: 'notice', line: 'the last one' });
  await sender.close();
  await line.until(isLast);
  const pieces = line.events.map((event) => event.type === 'message' && event.message);
  const base64: unknown = expect.any(String);
  expect(pieces).toEqual([
    { type: 'file', name: 'journal.log', last: false, base64 },
    { type: 'file', name: 'journal.log', last: false, base64 },
    { type: 'file', name: 'journal.log', last: true, base64 },
    { type: 'file', name: 'empty.log', last: true, base64: '' },
    { type: 'notice', line: 'the last one' },
  ]);
  const joined = pieces.slice(0, 3).map((piece) => {
    const { base64: text } = piece as { readonly base64: string };
    return Buffer.from(text, 'base64');
  });
  expect(Buffer.concat(joined).equals(content)).toBe(true);
});

test('after ten seconds without a word it says that it is alive, and not before', async () => {
  await using line = await serialLine();
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  const sender = await LinkSender.open(line.path);
  vi.advanceTimersByTime(9000);
  sender.say({ type: 'notice', line: 'a word' });
  // The first look, a second after the word, finds that something was said.
  vi.advanceTimersByTime(1000);
  vi.advanceTimersByTime(10_000);
  sender.say({ type: 'notice', line: 'the last one' });
  await sender.close();
  await line.until(isLast);
  const uptimeSeconds: unknown = expect.any(Number);
  expect(line.events).toEqual([
    { type: 'message', message: { type: 'notice', line: 'a word' } },
    { type: 'message', message: { type: 'alive', uptimeSeconds } },
    { type: 'message', message: { type: 'notice', line: 'the last one' } },
  ]);
});

test('without a serial line nobody hears, and nothing fails', async () => {
  await using folder = await temporaryFolder();
  const noLine = join(folder.path, 'file');
  await writeFile(noLine, '');
  for (const path of ['/dev/ttyS1-which-is-not-there', noLine]) {
    const sender = await LinkSender.open(path);
    sender.say({ type: 'notice', line: 'to nobody' });
    sender.sendFile('a.log', Buffer.from('a'));
    await sender.close();
  }
});
