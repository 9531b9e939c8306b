import { expect, test } from 'vitest';
import { STAGES } from './events.ts';
import { StageOrder } from './stage-order.ts';

const ALL = STAGES.map(({ name }) => name);

function order(options: Partial<ConstructorParameters<typeof StageOrder>[0]> = {}) {
  const made = new StageOrder({ verify: true, reuse: 'same', ...options });
  return {
    wanted: ALL.filter((stage) => made.wants(stage)),
    redoFrom: made.redoFrom,
    refused: ALL.filter((stage) => refuses(() => made.expectMayDo(stage))),
  };
}

function refuses(act: () => void): boolean {
  try {
    act();
    return false;
  } catch (thrown) {
    expect(thrown).toMatchObject({ kind: 'usage', code: 'stage-missing' });
    return true;
  }
}

test('a build does all stages', () => {
  expect(order()).toEqual({ wanted: ALL, redoFrom: undefined, refused: [] });
  expect(order({ verify: false }).wanted).toEqual(ALL.slice(0, -1));
  expect(order({ reuse: 'nothing' }).redoFrom).toBe('media');
});

test('--until ends it, --from begins it', () => {
  expect(order({ until: 'boot' }).wanted).toEqual(['media', 'machine', 'start', 'boot']);
  const late = order({ from: 'export' });
  expect(late.redoFrom).toBe('export');
  // The medium takes seconds: it is made when it is not there.
  expect(late.refused).toEqual(['machine', 'start', 'boot', 'construct']);
  expect(order({ from: 'media' })).toEqual({ wanted: ALL, redoFrom: 'media', refused: [] });
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
