import { expect, test } from 'vitest';
import { manifestSchema } from '../manifest/schema.ts';
import { endsAtCheckpoint, offerCheckpoint } from './checkpoint.ts';
import type { ConstructionState, StepRecord } from './record.ts';
import { installationOf, rehearse } from './testing/rehearsal.ts';

const IDENTITY = { appliance: 'hello 1.0', installKey: 'abc', code: 'def' };

function stateOf(steps: readonly string[], changes: Partial<ConstructionState> = {}) {
  const records = steps.map((words): StepRecord => {
    const [name = '', state = 'done'] = words.split(' ');
    return { name, state: state as StepRecord['state'], began: '2026-01-01T00:00:00.000Z' };
  });
  return { version: 1, ...IDENTITY, steps: records, ...changes } as const;
}

const INSTALLED = ['find-disk', 'partition', 'scratch', 'fetch', 'bootstrap', 'install'];

test.each([
  ['all of it done, and no more', stateOf(INSTALLED), true],
  ['of another appliance', stateOf(INSTALLED, { appliance: 'other 2.0' }), true],
  ['of other packages', stateOf(INSTALLED, { installKey: 'xyz' }), false],
  ['of another constructor', stateOf(INSTALLED, { code: 'xyz' }), false],
  ['with a later step begun', stateOf([...INSTALLED, 'configure running']), false],
  ['with a later step done', stateOf([...INSTALLED, 'configure']), false],
  ['with install not ended', stateOf([...INSTALLED.slice(0, -1), 'install running']), false],
  ['with install failed', stateOf([...INSTALLED.slice(0, -1), 'install failed']), false],
  ['with nothing done', stateOf([]), false],
])('a state is a checkpoint: %s', (_what, state, expected) => {
  expect(endsAtCheckpoint(state, IDENTITY)).toBe(expected);
});

test('without a host that takes checkpoints nothing is done at all', async () => {
  const manifest = installationOf(manifestSchema.parse({ name: 'tiny', version: '1.0' }));
  const { context, logged } = rehearse({ folder: '/nowhere', manifest });
  await offerCheckpoint(context, {
    takesCheckpoints: () => Promise.resolve(false),
    offer: () => Promise.reject(new Error('nobody asks')),
  });
  expect(logged).toEqual([]);
});
