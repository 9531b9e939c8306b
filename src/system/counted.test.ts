import { expect, test } from 'vitest';
import { counted } from './counted.ts';

test('one of a thing is told as one', () => {
  expect([0, 1, 2].map((count) => counted(count, 'CPU'))).toEqual(['0 CPUs', '1 CPU', '2 CPUs']);
  expect(counted(2, 'SSH key')).toBe('2 SSH keys');
  expect(counted(3, 'property is wrong', 'properties are wrong')).toBe('3 properties are wrong');
});
