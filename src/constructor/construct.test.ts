import { expect, test } from 'vitest';
import type { GuestMessage } from '../link/protocol.ts';
import { manifestSchema } from '../manifest/schema.ts';
import { PvmcError } from '../system/error.ts';
import { perform, STEPS, StepError } from './construct.ts';
import type { Step } from './step.ts';
import { installationOf, rehearse } from './testing/rehearsal.ts';

const manifest = installationOf(manifestSchema.parse({ name: 'tiny', version: '1.0' }));

function step(name: string, work: () => Promise<void> = async () => {}): Step {
  return { name, title: `Do ${name}`, plan: () => [], run: work };
}

function constructing(steps: readonly Step[]) {
  const said: GuestMessage[] = [];
  const { context } = rehearse({ folder: '/nowhere', manifest });
  return { said, done: perform(steps, context, (message) => said.push(message)) };
}

test('each step begins and ends before the next', async () => {
  let running = 0;
  const alone = async () => {
    running += 1;
    expect(running).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
  };
  const { said, done } = constructing([step('one', alone), step('two', alone)]);
  await done;
  const seconds: unknown = expect.any(Number);
  expect(said).toEqual([
    { type: 'step-started', step: 'one' },
    { type: 'step-finished', step: 'one', seconds },
    { type: 'step-started', step: 'two' },
    { type: 'step-finished', step: 'two', seconds },
  ]);
});

test('a failure names its step, keeps its cause and ends the construction', async () => {
  const cause = new PvmcError({ kind: 'construct', code: 'no-kernel', message: 'no kernel' });
  const failing = step('two', () => Promise.reject(cause));
  const { said, done } = constructing([step('one'), failing, step('three')]);
  const failure = await done.catch((thrown: unknown) => thrown);
  expect(failure).toBeInstanceOf(StepError);
  expect(failure).toMatchObject({ step: 'two', cause });
  expect(said.at(-1)).toEqual({ type: 'step-started', step: 'two' });
});

test('the steps have names that a person can type, each its own', () => {
  const names = STEPS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/);
});
