import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkHostMessage } from './host-message.ts';
import { encodeHostMessage, type HostMessage, LinkDecoder } from './protocol.ts';

const SAID: readonly HostMessage[] = [
  { type: 'welcome', checkpoints: true },
  { type: 'checkpoint-taken', name: 'install' },
  { type: 'checkpoint-refused', name: 'install', why: 'the disk of the host is full' },
];

test('every message of the host arrives as it was said', () => {
  const heard = new LinkDecoder().push(Buffer.from(SAID.map(encodeHostMessage).join('')));
  expect(heard.map((event) => event.type === 'message' && checkHostMessage(event.message))).toEqual(
    SAID,
  );
});

test.each([
  ['an echo of the guest’s own words', { type: 'alive', uptimeSeconds: 3 }],
  ['a welcome that says nothing', { type: 'welcome' }],
  ['a refusal without a reason', { type: 'checkpoint-refused', name: 'install' }],
  ['a name that is none', { type: 'checkpoint-taken', name: 7 }],
  ['nothing', null],
])('%s is no message of the host', (_what, said) => {
  expect(checkHostMessage(said)).toBeUndefined();
});

test('no escape sequence comes through', () => {
  const why = '\u001b[31mfull\u001b[0m\nreally';
  expect(checkHostMessage({ type: 'checkpoint-refused', name: 'install', why })).toMatchObject({
    why: 'full really',
  });
});

test('nothing that a line can hold breaks the check', () => {
  const types = ['welcome', 'checkpoint-taken', 'checkpoint-refused', '__proto__'];
  fc.assert(
    fc.property(
      fc.oneof(
        fc.jsonValue(),
        fc.record({ type: fc.constantFrom(...types), name: fc.jsonValue(), why: fc.jsonValue() }),
      ),
      (value) => {
        const checked = checkHostMessage(value);
        expect(checked === undefined || types.includes(checked.type)).toBe(true);
      },
    ),
  );
});
