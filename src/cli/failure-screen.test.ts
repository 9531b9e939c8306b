import { describe, expect, it } from 'vitest';
import { PvmcError } from '../system/error.ts';
import { type Failure, failureOf, renderFailure } from './failure-screen.ts';
import { UNICODE_STYLE } from './testing/terminal.ts';

const failure: Failure = {
  kind: 'construct',
  code: 'package-missing',
  message: 'the repository http://deb.debian.org/debian has no package "ngnix" in trixie',
  hint: 'Did you mean nginx?',
  details: Array.from({ length: 30 }, (_, index) => `detail ${index + 1}`),
  stage: 'construct',
  step: 'packages',
  lastLines: Array.from(
    { length: 30 },
    (_, index) => `\u001b[2Jline ${index + 1} ${'x'.repeat(100)}`,
  ),
  folder: '/builds/b1',
  diagnose: './pvmc diagnose b1',
  resume: 'pvmc build --resume examples/hello',
};
const frame = { columns: 80, style: UNICODE_STYLE };

describe('renderFailure', () => {
  it('is one screen with everything one needs', () => {
    const lines = renderFailure(failure, frame);
    expect(lines.length).toBeLessThan(40);
    expect(`\n${lines.join('\n')}\n`).toMatchInlineSnapshot(`
      "
      ✗ Construct the appliance, step "packages": the repository
        http://deb.debian.org/debian has no package "ngnix" in trixie

        20 earlier lines are in the folder below
        detail 21
        detail 22
        detail 23
        detail 24
        detail 25
        detail 26
        detail 27
        detail 28
        detail 29
        detail 30

        The guest said last:
          line 23 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
          line 24 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
          line 25 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
          line 26 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
          line 27 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
          line 28 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
          line 29 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
          line 30 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…

        hint: Did you mean nginx?

        everything  /builds/b1
        to look     ./pvmc diagnose b1
        to go on    pvmc build --resume examples/hello
        error       package-missing (exit status 7)
      "
    `);
  });

  it('cuts no problem of a manifest, for no folder has the rest', () => {
    const error = new PvmcError({
      kind: 'manifest',
      code: 'manifest-invalid',
      message: 'appliance.yaml has 30 problems',
      details: failure.details,
    });
    const lines = renderFailure(failureOf(error), frame);
    expect(lines.filter((line) => line.startsWith('  detail'))).toHaveLength(30);
    expect(lines.at(-1)).toBe('  error       manifest-invalid (exit status 3)');
  });

  it('keeps it short for a mistyped command', () => {
    const error = new PvmcError({
      kind: 'usage',
      code: 'x',
      message: 'no "biuld"',
      hint: 'Did you mean build?',
    });
    expect(renderFailure(failureOf(error), frame)).toEqual([
      '✗ no "biuld"',
      '  hint: Did you mean build?',
    ]);
  });

  it('lists what there is instead', () => {
    const details = ['hello-1.0.0-20260102-030405-1f2e'];
    const hint = 'These are there:';
    const error = new PvmcError({ kind: 'usage', code: 'x', message: 'no "x"', hint, details });
    expect(renderFailure(failureOf(error), frame)).toEqual([
      '✗ no "x"',
      '  hint: These are there:',
      '        hello-1.0.0-20260102-030405-1f2e',
    ]);
  });

  it('blames nobody for an interruption', () => {
    const interrupted: Failure = {
      ...failure,
      kind: 'interrupted',
      code: 'interrupted',
      message: 'stopped by Ctrl-C',
    };
    expect(renderFailure(interrupted, frame)).toEqual([
      '! stopped by Ctrl-C during construct',
      '  What there is: /builds/b1',
      '  To go on: pvmc build --resume examples/hello',
    ]);
  });
});
