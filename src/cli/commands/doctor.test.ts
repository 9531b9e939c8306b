import { expect, test } from 'vitest';
import type { Diagnosis } from '../../pipeline/doctor.ts';
import { UNICODE_STYLE as style } from '../testing/terminal.ts';
import { renderDiagnosis } from './doctor.ts';

const diagnosis: Diagnosis = {
  ready: true,
  checks: [
    {
      name: 'KVM',
      findings: [
        {
          state: 'warning',
          finding: 'there is no /dev/kvm: guests are slow',
          cure: { advice: 'Load it.', commands: ['sudo modprobe kvm_intel # in one line'] },
        },
      ],
    },
    {
      name: 'repositories',
      findings: [
        { state: 'ok', finding: 'one answers' },
        { state: 'absent', finding: 'two \u001b[31mmust not paint' },
      ],
    },
  ],
};

test('each check has its name once, then what was found and what cures it', () => {
  const lines = renderDiagnosis(diagnosis, { style, lineWidth: Number.POSITIVE_INFINITY });
  expect(lines).toEqual([
    '  ! KVM           there is no /dev/kvm: guests are slow',
    '                  Load it.',
    '                  $ sudo modprobe kvm_intel # in one line',
    '  ✓ repositories  one answers',
    '  ·               two must not paint',
    '',
    '✓ builds can run here, with a warning',
  ]);
});

test('sentences are broken where the terminal ends, commands are not', () => {
  const lines = renderDiagnosis(diagnosis, { style, lineWidth: 40 });
  expect(lines.slice(0, 4)).toEqual([
    '  ! KVM           there is no /dev/kvm:',
    '                  guests are slow',
    '                  Load it.',
    '                  $ sudo modprobe kvm_intel # in one line',
  ]);
});

test('a problem leaves the last word to the error', () => {
  const problem = { name: 'clock', findings: [{ state: 'problem' as const, finding: 'is wrong' }] };
  const lines = renderDiagnosis(
    { ready: false, checks: [problem] },
    { style, lineWidth: Number.POSITIVE_INFINITY },
  );
  expect(lines).toEqual(['  ✗ clock  is wrong']);
});
