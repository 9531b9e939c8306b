import { expect, test } from 'vitest';
import { STEPS } from './construct.ts';
import { checkStepName, nextStep, possibleSteps } from './construction-on-disk.ts';
import type { StepRecord } from './record.ts';

/** All steps before the one that is named are done; it has failed. */
function failedAt(name: string): StepRecord[] {
  const names = STEPS.map((step) => step.name);
  return names.slice(0, names.indexOf(name) + 1).map((one) => ({
    name: one,
    state: one === name ? 'failed' : 'done',
    began: '2026-01-01T00:00:00.000Z',
  }));
}

test('the step to go on with is the one that failed, or an earlier one by name', () => {
  expect(nextStep(failedAt('scripts'))).toBe('scripts');
  expect(nextStep(failedAt('scripts'), 'scripts')).toBe('scripts');
  expect(nextStep(failedAt('scripts'), 'files')).toBe('files');
  expect(nextStep(failedAt('scripts'), 'find-disk')).toBe('scratch');
});

test('it need not be known that the disk was found and partitioned', () => {
  expect(nextStep(failedAt('install').slice(2))).toBe('install');
});

test('a step whose predecessors are not done is refused, and the right one named', () => {
  expect(() => nextStep(failedAt('scripts'), 'clean')).toThrow(
    expect.objectContaining({
      code: 'step-too-early',
      message: 'the step clean cannot be done yet: scripts, which comes before it, is not done',
      hint: 'Go on with that: constructor run --from scripts',
    }),
  );
});

test('an unknown step is refused with the list of those that there are', () => {
  expect(() => checkStepName('instal')).toThrow(
    expect.objectContaining({
      code: 'step-unknown',
      message: 'there is no step “instal”',
      hint: expect.stringContaining('bootstrap install configure'),
    }),
  );
});

test('after the step root there is nothing to go on with', () => {
  expect(() => nextStep(failedAt('firmware'))).toThrow(
    expect.objectContaining({ code: 'scratch-gone' }),
  );
});

test('what one can go on with is everything up to the step that failed', () => {
  expect(possibleSteps(failedAt('configure'))).toEqual([
    'scratch',
    'fetch',
    'bootstrap',
    'install',
    'configure',
  ]);
});
