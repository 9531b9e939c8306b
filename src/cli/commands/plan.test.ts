import { expect, test } from 'vitest';
import type { Plan } from '../../pipeline/plan.ts';
import { UNICODE_STYLE as style } from '../testing/terminal.ts';
import { renderPlan } from './plan.ts';

const plan: Plan = {
  appliance: 'hello',
  version: '1.0',
  stages: [
    {
      stage: 'construct',
      title: 'Construct the appliance',
      steps: [{ title: 'Install', details: ['apt base-files dpkg libc6', 'short'] }],
    },
  ],
  partitions: [],
};

test('details that are wider than the terminal go on below, further in', () => {
  expect(renderPlan(plan, { style, lineWidth: 26 }).slice(3)).toEqual([
    '   ▸ Install',
    '       apt base-files',
    '         dpkg libc6',
    '       short',
  ]);
});

test('without a terminal no line is broken', () => {
  const lines = renderPlan(plan, { style, lineWidth: Number.POSITIVE_INFINITY });
  expect(lines).toContain('       apt base-files dpkg libc6');
});
