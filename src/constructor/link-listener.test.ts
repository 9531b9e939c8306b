import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeHostMessage, encodeMessage } from '../link/protocol.ts';
import { run } from '../system/run.ts';
import { LinkListener } from './link-listener.ts';
import { serialLine } from './testing/serial-line.ts';
import { temporaryFolder } from './testing/temporary-folder.ts';

const WELCOME = { type: 'welcome', checkpoints: true } as const;
const TAKEN = { type: 'checkpoint-taken', name: 'install' } as const;

async function listening() {
  const line = await serialLine();
  await run(['stty', '-F', line.path, 'raw', '-echo']);
  const listener = new LinkListener(line.path);
  return {
    line,
    listener,
    async [Symbol.asyncDispose]() {
      listener.close();
      await line[Symbol.asyncDispose]();
    },
  };
}

test('hears the welcome, before somebody waits for it or after', async () => {
  await using heard = await listening();
  const waiting = heard.listener.welcome(5000);
  heard.line.say(encodeHostMessage(WELCOME));
  expect(await waiting).toEqual(WELCOME);
  expect(await heard.listener.welcome(0)).toEqual(WELCOME);
});

test('hears the answer to its question through noise, floods, echoes and foreign versions', async () => {
  await using heard = await listening();
  const answer = heard.listener.answer('install', 5000);
  heard.line.say('\u0000\u0003 GRUB loading\r\n');
  heard.line.say(`${'flood '.repeat(20_000)}\n`);
  heard.line.say(encodeMessage({ type: 'checkpoint', name: 'install', key: 'its own word' }));
  heard.line.say(encodeHostMessage(TAKEN).replace('pvmc1', 'pvmc2'));
  heard.line.say(encodeHostMessage({ ...TAKEN, name: 'another' }));
  heard.line.say(encodeHostMessage(TAKEN).slice(0, 20));
  heard.line.say(`\n${encodeHostMessage(TAKEN)}`);
  expect(await answer).toEqual(TAKEN);
});

test('waits no longer than it was told for a host that is silent', async () => {
  await using heard = await listening();
  expect(await heard.listener.welcome(20)).toBeUndefined();
  expect(await heard.listener.answer('install', 20)).toBeUndefined();
});

test('without a serial line nobody is heard, and nothing fails', async () => {
  await using folder = await temporaryFolder();
  const noLine = join(folder.path, 'file');
  await writeFile(noLine, encodeHostMessage(WELCOME));
  for (const path of ['/dev/ttyS1-which-is-not-there', noLine]) {
    const listener = new LinkListener(path);
    expect(await listener.welcome(20)).toBeUndefined();
    listener.close();
  }
});
