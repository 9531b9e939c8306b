import { expect, test } from 'vitest';
import { plainText } from './plain-text.ts';

test('drops what steers a terminal, keeps what is read', () => {
  expect(
    plainText('\u001b[1;31mred\u001b[0m\u0007 Zürich\tok\r\n\u001b]0;title\u0007next\u0000'),
  ).toBe('red Zürich\tok\nnext');
});
