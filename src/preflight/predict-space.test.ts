import { expect, test } from 'vitest';
import { predictSpace, type SpaceNeeds } from './predict-space.ts';

const MIB = 2 ** 20;

const HELLO: SpaceNeeds = {
  downloadBytes: 159 * MIB,
  installedBytes: 321 * MIB,
  filesBytes: 0,
  formats: ['ova'],
  verify: true,
  checkpoint: false,
  base: 'cached',
};

const outputMib = (needs: Partial<SpaceNeeds>) =>
  Math.round(predictSpace({ ...HELLO, ...needs }).outputBytes / MIB);

test('the prediction is near what was measured', () => {
  expect(outputMib({})).toBeGreaterThan(1170);
  expect(outputMib({})).toBeLessThan(1170 * 1.1);
});

test('each part of a build adds its own', () => {
  const bare = { downloadBytes: 0 };
  expect(outputMib({ ...bare, verify: false })).toBeLessThan(outputMib(bare));
  expect(outputMib({ checkpoint: true })).toBeGreaterThan(outputMib({}));
  expect(outputMib({ formats: ['ova', 'raw'] })).toBeGreaterThan(outputMib({}));
  expect(outputMib({ filesBytes: 100 * MIB })).toBeGreaterThan(outputMib({}) + 100);
});

test('the medium’s base takes room only while it is made', () => {
  const { temporaryBytes, cacheBytes } = predictSpace(HELLO);
  expect(temporaryBytes).toBe(0);
  const made = predictSpace({ ...HELLO, base: 'to-be-made' });
  // Measured with du while it was made: 778 MiB and, with the indexes, 542 MiB.
  expect(made.temporaryBytes / MIB).toBe(800);
  expect(made.cacheBytes / MIB).toBe(550);
  expect(cacheBytes).toBeLessThan(made.cacheBytes);
});
