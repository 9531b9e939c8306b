import { expect, test } from 'vitest';
import { stateLines } from './status.ts';

test('a state is told with one line a step', () => {
  const began = '2026-01-02T03:04:06.000Z';
  const lines = stateLines({
    version: 1,
    appliance: 'hello 1.0',
    installKey: 'abc',
    code: 'def',
    steps: [
      { name: 'find-disk', state: 'done', began, seconds: 1.25 },
      { name: 'partition', state: 'running', began },
      {
        name: 'scripts',
        state: 'failed',
        began,
        error: { code: 'script-failed', message: 'the script x ended with exit status 3' },
      },
    ],
  });
  expect(lines.slice(0, 4)).toEqual([
    'the construction of hello 1.0',
    '  done     find-disk  1.3 s',
    '  begun    partition  at 2026-01-02T03:04:06.000Z, and not ended',
    '  to do    scratch',
  ]);
  expect(lines).toContain(
    '  FAILED   scripts    script-failed: the script x ended with exit status 3',
  );
});
