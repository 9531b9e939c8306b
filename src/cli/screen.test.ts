import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BuildEvent } from '../pipeline/events.ts';
import { advance, endRun, type RunState, startRun } from './run-state.ts';
import { formatElapsed, renderScreen } from './screen.ts';
import { ASCII_STYLE, UNICODE_STYLE } from './testing/terminal.ts';
import { widthOf } from './text.ts';

const STARTED: BuildEvent = {
  type: 'build-started',
  build: '20260101-hello',
  folder: '/builds/20260101-hello',
  appliance: 'hello',
  version: '1.0',
  expectedSeconds: {
    media: 12,
    machine: 1,
    start: 2,
    boot: 60,
    construct: 240,
    export: 40,
    verify: 120,
  },
};

/** Each event with the second at which it comes. */
const RUN: readonly (readonly [number, BuildEvent])[] = [
  [0, STARTED],
  [0, { type: 'stage-started', stage: 'media' }],
  [12, { type: 'stage-finished', stage: 'media', seconds: 12, result: '162 MiB, from the cache' }],
  [12, { type: 'stage-started', stage: 'machine' }],
  [13, { type: 'stage-finished', stage: 'machine', seconds: 0.4, result: 'QEMU 10.0.2, emulated' }],
  [13, { type: 'stage-started', stage: 'start' }],
  [14, { type: 'stage-finished', stage: 'start', seconds: 1.2, result: '' }],
  [14, { type: 'stage-started', stage: 'boot' }],
  [75, { type: 'stage-finished', stage: 'boot', seconds: 61, result: 'Linux 6.12' }],
  [75, { type: 'stage-started', stage: 'construct' }],
  [
    80,
    {
      type: 'step-started',
      stage: 'construct',
      step: 'packages',
      title: 'Install the packages',
      index: 4,
      count: 11,
    },
  ],
  [
    90,
    {
      type: 'amount',
      stage: 'construct',
      amount: { done: 88_000_000, total: 183_000_000, unit: 'bytes' },
    },
  ],
];

function stateAfter(events: readonly (readonly [number, BuildEvent])[]): RunState {
  return events.reduce(
    (state, [at, event]) => advance(state, event, at),
    startRun('examples/hello', 0),
  );
}

const frame = { columns: 79, rows: 24, now: 125, style: UNICODE_STYLE };
const show = (state: RunState, more: Partial<typeof frame> = {}) =>
  `\n${renderScreen(state, { ...frame, ...more }).join('\n')}\n`;

describe('renderScreen', () => {
  it('shows what is done, what runs and what is to come, on 80 columns', () => {
    expect(show(stateAfter(RUN))).toMatchInlineSnapshot(`
      "
      hello 1.0                                        2 min 05 s of about 7 min 54 s
       ✓ Build the PVMC ISO             12 s  162 MiB, from the cache
       ✓ Configure the machine         0.4 s  QEMU 10.0.2, emulated
       ✓ Start the machine             1.2 s
       ✓ Boot the constructor     1 min 01 s  Linux 6.12
       ▸ Construct the appliance        50 s  of about 4 min 00 s · step 4 of 11
          Install the packages
          ██████████████▍░░░░░░░░░░░░░░░  48 %  83.9 MiB of 175 MiB
       · Export the appliance          ~40 s
       · Verify the export       ~2 min 00 s
      "
    `);
  });

  it('leaves remarks out on 50 columns', () => {
    expect(show(stateAfter(RUN), { columns: 49 })).toMatchInlineSnapshot(`
      "
      hello 1.0          2 min 05 s of about 7 min 54 s
       ✓ Build the PVMC ISO             12 s
       ✓ Configure the machine         0.4 s
       ✓ Start the machine             1.2 s
       ✓ Boot the constructor     1 min 01 s
       ▸ Construct the appliance        50 s
          Install the packages
          ████████▋░░░░░░░░░  48 %  83.9 MiB of 175 MiB
       · Export the appliance          ~40 s
       · Verify the export       ~2 min 00 s
      "
    `);
  });

  it('fits 40 columns', () => {
    expect(show(stateAfter(RUN), { columns: 39 })).toMatchInlineSnapshot(`
      "
      hello 1.0                    2 min 05 s
       ✓ Build the PVMC ISO             12 s
       ✓ Configure the machine         0.4 s
       ✓ Start the machine             1.2 s
       ✓ Boot the constructor     1 min 01 s
       ▸ Construct the appliance        50 s
          Install the packages
          ███▊░░░░  48 %  83.9 MiB of 175 MiB
       · Export the appliance          ~40 s
       · Verify the export       ~2 min 00 s
      "
    `);
  });

  it('uses ASCII only where the locale has no more', () => {
    const shown = show(stateAfter(RUN), { style: ASCII_STYLE });
    expect(shown).toMatch(/^[ -~\n]*$/);
    expect(shown).toMatchInlineSnapshot(`
      "
      hello 1.0                                        2 min 05 s of about 7 min 54 s
       + Build the PVMC ISO             12 s  162 MiB, from the cache
       + Configure the machine         0.4 s  QEMU 10.0.2, emulated
       + Start the machine             1.2 s
       + Boot the constructor     1 min 01 s  Linux 6.12
       > Construct the appliance        50 s  of about 4 min 00 s - step 4 of 11
          Install the packages
          ##############----------------  48 %  83.9 MiB of 175 MiB
       . Export the appliance          ~40 s
       . Verify the export       ~2 min 00 s
      "
    `);
  });

  it('counts without a bar while the whole is unknown', () => {
    const amount = { done: 88_000_000, unit: 'bytes' } as const;
    const shown = show(stateAfter([...RUN, [91, { type: 'amount', stage: 'construct', amount }]]));
    expect(shown).toContain('\n    83.9 MiB\n');
  });

  it('drops the amount when the step is over', () => {
    const over: BuildEvent = {
      type: 'step-finished',
      stage: 'construct',
      step: 'packages',
      seconds: 5,
    };
    expect(show(stateAfter([...RUN, [91, over]]))).not.toMatch(/Install|MiB of/);
  });

  it('keeps what runs when the terminal is low', () => {
    expect(show(stateAfter(RUN), { rows: 8 })).toMatchInlineSnapshot(`
      "
      hello 1.0                                        2 min 05 s of about 7 min 54 s
       ✓ Boot the constructor     1 min 01 s  Linux 6.12
       ▸ Construct the appliance        50 s  of about 4 min 00 s · step 4 of 11
          Install the packages
          ██████████████▍░░░░░░░░░░░░░░░  48 %  83.9 MiB of 175 MiB
       · Export the appliance          ~40 s
       · Verify the export       ~2 min 00 s
      "
    `);
    expect(show(stateAfter(RUN), { rows: 5 })).toMatchInlineSnapshot(`
      "
      hello 1.0                                        2 min 05 s of about 7 min 54 s
       ▸ Construct the appliance        50 s  of about 4 min 00 s · step 4 of 11
          Install the packages
          ██████████████▍░░░░░░░░░░░░░░░  48 %  83.9 MiB of 175 MiB
      "
    `);
  });

  it('expects nothing without earlier runs', () => {
    const shown = show(stateAfter([[0, { ...STARTED, expectedSeconds: {} }], ...RUN.slice(1)]));
    expect(shown).not.toMatch(/about|~/);
  });

  it('leaves out the stages that the run leaves out', () => {
    const state = advance(startRun('x', 0, ['verify']), STARTED, 0);
    expect(show(state)).not.toContain('Verify');
  });

  it('marks the stage in which the run ended', () => {
    const shown = show(endRun(stateAfter(RUN), 100), { now: 500 });
    expect(shown).toContain(' ✗ Construct the appliance        25 s');
    expect(shown).not.toMatch(/about|~/);
  });

  it('shows no escape sequence of a name', () => {
    const state = advance(startRun('x', 0), { ...STARTED, appliance: '\u001b[2Jevil' }, 0);
    expect(show(state)).toContain('\nevil 1.0 ');
  });

  it('is never wider nor higher than the terminal', () => {
    const size = fc.record({
      columns: fc.integer({ min: 19, max: 120 }),
      rows: fc.integer({ min: 2, max: 30 }),
    });
    const title = fc.string({ unit: 'grapheme', maxLength: 80 });
    fc.assert(
      fc.property(size, title, fc.nat(RUN.length), (terminal, name, upTo) => {
        const step: BuildEvent = {
          type: 'step-started',
          stage: 'construct',
          step: 's',
          title: name,
          index: 1,
        };
        const state = advance(stateAfter(RUN.slice(0, upTo)), step, 99);
        const lines = renderScreen(state, { ...frame, ...terminal });
        expect(lines.length).toBeLessThan(terminal.rows);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(terminal.columns);
      }),
    );
  });
});

describe('formatElapsed', () => {
  it.each([
    [0.9, '0 s'],
    [59.9, '59 s'],
    [61, '1 min 01 s'],
    [3700, '1 h 01 min'],
  ])('%d', (seconds, text) => expect(formatElapsed(seconds)).toBe(text));
});
