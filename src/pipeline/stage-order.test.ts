import { expect, test } from 'vitest';
import { STAGES } from './events.ts';
import { StageOrder } from './stage-order.ts';

const ALL = STAGES.map(({ name }) => name);

function order(options: Partial<ConstructorParameters<typeof StageOrder>[0]> = {}) {
  const made = new StageOrder({ verify: true, reuse: 'same', ...options });
  return {
    wanted: ALL.filter((stage) => made.wants(stage)),
    reusable: ALL.filter((stage) => made.mayReuse(stage)),
    required: ALL.filter((stage) => made.mustReuse(stage)),
  };
}

test('a build does all stages, and takes from earlier ones what it can', () => {
  expect(order()).toEqual({ wanted: ALL, reusable: ALL, required: [] });
  expect(order({ verify: false }).wanted).toEqual(ALL.slice(0, -1));
  expect(order({ reuse: 'nothing' }).reusable).toEqual([]);
});

test('--until ends it, --from begins it', () => {
  expect(order({ until: 'boot' }).wanted).toEqual(['media', 'machine', 'start', 'boot']);
  const late = order({ from: 'export' });
  expect(late.reusable).toEqual(['media', 'machine', 'start', 'boot', 'construct']);
  // The medium takes seconds: it is made when it is not there.
  expect(late.required).toEqual(['machine', 'start', 'boot', 'construct']);
  expect(order({ from: 'media' })).toEqual({ wanted: ALL, reusable: [], required: [] });
});

test('what leaves nothing to do is refused', () => {
  const contradiction = { kind: 'usage', code: 'stages-contradict' };
  const failureOf = (options: Parameters<typeof order>[0]) => {
    try {
      return order(options);
    } catch (thrown) {
      return thrown;
    }
  };
  expect(failureOf({ from: 'export', until: 'boot' })).toMatchObject(contradiction);
  expect(failureOf({ from: 'verify', verify: false })).toMatchObject(contradiction);
  expect(order({ from: 'boot', until: 'boot' }).wanted).toContain('boot');
});
