import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { bridgeConsole } from './console-bridge.ts';
import { FakeTerminal } from './testing/terminal.ts';

/** A terminal, and a guest that prints what the test lets it and remembers what was typed. */
function sitDown() {
  const modes: boolean[] = [];
  const keyboard = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (raw: boolean) => modes.push(raw),
  });
  const screen = new FakeTerminal();
  const printed = new PassThrough();
  let typed = '';
  const console = {
    [Symbol.asyncIterator]: () => printed[Symbol.asyncIterator](),
    write: (bytes: Uint8Array | string) => {
      typed += bytes.toString();
    },
  };
  const done = bridgeConsole(console, { input: keyboard, output: screen });
  return { done, keyboard, screen, printed, modes, typed: () => typed };
}

describe('terminal and console', () => {
  it('are one until Ctrl-], and Ctrl-C is the guest’s', async () => {
    const { done, keyboard, screen, printed, modes, typed } = sitDown();
    printed.write('login: \u001b[31mred');
    keyboard.write('root\r\u0003');
    await new Promise((resolve) => setTimeout(resolve, 20));
    keyboard.write('poweroff\u001dnot this');
    expect(await done).toBe('user');
    expect(typed()).toBe('root\r\u0003poweroff');
    expect(screen.written).toContain('login: \u001b[31mred');
    // Colours, cursor and modes are given back.
    expect(screen.written).toContain('\u001b[0m');
    expect(modes).toEqual([true, false]);
  });

  it('part when the console ends', async () => {
    const { done, printed, modes } = sitDown();
    printed.end('[  99.0] reboot: Power down\r\n');
    expect(await done).toBe('console');
    expect(modes).toEqual([true, false]);
  });

  it('part when the terminal is gone', async () => {
    const { done, keyboard } = sitDown();
    keyboard.end();
    expect(await done).toBe('user');
  });
});
