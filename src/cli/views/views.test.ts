import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { BuildEvent, StageName } from '../../pipeline/events.ts';
import { Clock, FakeTerminal, UNICODE_STYLE } from '../testing/terminal.ts';
import { Canvas } from './canvas.ts';
import { JsonView, makeJsonLines } from './json.ts';
import { LiveView } from './live.ts';
import { PlainView } from './plain.ts';
import type { View } from './view.ts';

const amount = (done: number): BuildEvent => ({
  type: 'amount',
  stage: 'construct',
  amount: { done, total: 100, unit: 'packages' },
});
const STARTED: BuildEvent = {
  type: 'build-started',
  build: 'b1',
  folder: '/builds/b1',
  appliance: 'hello',
  version: '1.0',
  expectedSeconds: { construct: 240 },
};
const STAGE: BuildEvent = { type: 'stage-started', stage: 'construct' };
const STEP: BuildEvent = {
  type: 'step-started',
  stage: 'construct',
  step: 'packages',
  title: 'Install the packages',
  index: 4,
  count: 11,
};
const LOG: BuildEvent = { type: 'log', origin: 'apt', line: '\u001b[31mGet:1\u001b[0m nginx' };

const open: View[] = [];
afterEach(() => {
  for (const view of open.splice(0)) view.close();
});
function opened<T extends View>(view: T): T {
  open.push(view);
  return view;
}

describe('PlainView', () => {
  function plain(log: 'shown' | 'hidden' = 'hidden') {
    const clock = new Clock();
    const out = { text: '' };
    const write = (text: string) => {
      out.text += text;
    };
    return { clock, out, view: opened(new PlainView({ write, now: clock.now, log })) };
  }

  it('says once what several stages have in common that an earlier build has done', () => {
    const { out, view } = plain();
    const reused = (stage: StageName, result: string) =>
      view.show({ type: 'stage-reused', stage, from: 'b0', result });
    reused('media', '160 MiB');
    for (const stage of ['machine', 'start', 'construct'] as const) reused(stage, 'in 4 min');
    view.show({ type: 'stage-started', stage: 'export' });
    reused('verify', '11 checks');
    view.close();
    expect(out.text).toBe(
      [
        '[00:00:00] media: unchanged, as in b0: 160 MiB',
        '[00:00:00] machine, start, construct: unchanged, as in b0: in 4 min',
        '[00:00:00] export: Export the appliance',
        '[00:00:00] verify: unchanged, as in b0: 11 checks',
        '',
      ].join('\n'),
    );
  });

  it('says each thing that matters, with the time since the start', () => {
    const { clock, out, view } = plain();
    view.show(STARTED);
    view.show(STAGE);
    clock.seconds = 65.9;
    view.show(STEP);
    view.show(LOG);
    view.show({ type: 'notice', line: 'the mirror is slow' });
    view.show({ type: 'step-finished', stage: 'construct', step: 'packages', seconds: 5 });
    clock.seconds = 3700;
    view.show({
      type: 'stage-finished',
      stage: 'construct',
      seconds: 3700,
      result: '212 packages',
    });
    expect(out.text).toBe(
      [
        '[00:00:00] hello 1.0: build b1 in /builds/b1',
        '[00:00:00] construct: Construct the appliance (about 4 min 00 s)',
        '[00:01:05] construct: step 4 of 11: Install the packages',
        '[00:01:05] note: the mirror is slow',
        '[01:01:40] construct: done in 1 h 01 min: 212 packages',
        '',
      ].join('\n'),
    );
  });

  it('shows the log with --verbose, without its colours', () => {
    const { out, view } = plain('shown');
    view.show(LOG);
    expect(out.text).toBe('[00:00:00] apt| Get:1 nginx\n');
  });

  it('says how far it is once in ten seconds', () => {
    const { clock, out, view } = plain();
    view.show(STAGE);
    for (let second = 0; second < 60; second += 0.5) {
      clock.seconds = second;
      view.show(amount(second));
    }
    expect(out.text.match(/of 100 packages \(\d+ %\)/g)).toHaveLength(5);
  });

  it('breaks a silence of a minute', () => {
    const { clock, out, view } = plain();
    view.show(STEP);
    clock.seconds = 59;
    view.breakSilence();
    expect(out.text).not.toContain('still');
    clock.seconds = 130;
    view.breakSilence();
    view.breakSilence();
    expect(out.text.split('\n')[1]).toBe(
      '[00:02:10] construct: still at "Install the packages", since 2 min 10 s',
    );
    expect(out.text.match(/still/g)).toHaveLength(1);
  });
});

describe('JsonView', () => {
  it('writes a header and then one object a line', () => {
    const clock = new Clock();
    let text = '';
    const lines = makeJsonLines({
      header: { type: 'started', format: 1 },
      write: (more) => {
        text += more;
      },
      now: clock.now,
    });
    const view = opened(new JsonView(lines, clock.now));
    clock.seconds = 1.23456;
    view.show(STAGE);
    view.show({ type: 'notice', line: 'two\nlines' });
    for (let done = 0; done <= 100; done += 1) view.show(amount(done));
    expect(text).toBe(
      [
        '{"at":0,"type":"started","format":1}',
        '{"at":1.235,"type":"stage-started","stage":"construct"}',
        '{"at":1.235,"type":"notice","line":"two\\nlines"}',
        // Of amounts that come all at once, the first and the complete one.
        '{"at":1.235,"type":"amount","stage":"construct","amount":{"done":0,"total":100,"unit":"packages"}}',
        '{"at":1.235,"type":"amount","stage":"construct","amount":{"done":100,"total":100,"unit":"packages"}}',
        '',
      ].join('\n'),
    );
  });
});

describe('Canvas', () => {
  it('shows the last frame below everything that was put above, whatever the frames', () => {
    const line = fc.stringMatching(/^[a-z]{0,20}$/);
    const frames = fc.array(
      fc.record({
        lines: fc.array(line, { maxLength: 8 }),
        above: fc.array(line, { maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 8 },
    );
    fc.assert(
      fc.property(frames, (all) => {
        const terminal = new FakeTerminal({ columns: 20 });
        const canvas = new Canvas(terminal, () => {});
        for (const { lines, above } of all) canvas.draw(lines, above);
        canvas.close();
        const expected = [...all.flatMap(({ above }) => above), ...(all.at(-1)?.lines ?? [])];
        expect(trimmed(terminal.screen())).toEqual(trimmed(expected));
      }),
    );
  });

  it('writes nothing for the same frame', () => {
    const terminal = new FakeTerminal();
    const canvas = new Canvas(terminal, () => {});
    canvas.draw(['a', 'b']);
    const before = terminal.written.length;
    canvas.draw(['a', 'b']);
    expect(terminal.written.length).toBe(before);
    canvas.close();
  });

  it('hides the cursor and gives it back', () => {
    const terminal = new FakeTerminal();
    new Canvas(terminal, () => {}).close();
    expect(terminal.written).toBe('\u001b[?25l\u001b[?25h');
    expect(terminal.listenerCount('resize')).toBe(0);
  });
});

describe('LiveView', () => {
  function live(log: 'shown' | 'hidden' = 'hidden', columns = 60) {
    const clock = new Clock();
    const terminal = new FakeTerminal({ columns });
    const style = UNICODE_STYLE;
    const options = { stream: terminal, now: clock.now, style, title: 'x', log, without: [] };
    return { clock, terminal, view: opened(new LiveView(options)) };
  }

  it('keeps notices above the stages', () => {
    const { terminal, view } = live();
    for (const event of [STARTED, STAGE, STEP, amount(50), LOG]) view.show(event);
    view.show({
      type: 'notice',
      line: 'KVM does not work on this computer, so the machine is emulated',
    });
    view.close();
    expect(terminal.screen().slice(0, 3)).toEqual([
      '! KVM does not work on this computer, so the machine is',
      '  emulated',
      expect.stringMatching(/^hello 1.0 +0 s$/),
    ]);
    expect(terminal.screen().join('\n')).not.toContain('nginx');
  });

  it('draws ten times a second at most, however many events come', async () => {
    const { terminal, view } = live('shown');
    const started = Date.now();
    view.show(STARTED);
    view.show(STAGE);
    while (Date.now() - started < 1000) {
      view.show(LOG);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const frames = terminal.written.split('\u001b[?2026h').length - 1;
    const seconds = (Date.now() - started) / 1000;
    expect(frames).toBeGreaterThan(2);
    expect(frames).toBeLessThanOrEqual(seconds * 10 + 2);
    view.close();
    expect(terminal.screen().filter((line) => line === 'apt| Get:1 nginx').length).toBeGreaterThan(
      50,
    );
  });

  it('draws afresh when the terminal gets narrower', () => {
    const { terminal, view } = live('hidden', 100);
    for (const event of [STARTED, STAGE, STEP, amount(50)]) view.show(event);
    terminal.columns = 40;
    terminal.emit('resize');
    const frame = terminal.written.slice(terminal.written.lastIndexOf('\u001b[?2026h'));
    view.close();
    expect(frame).toContain('\n ▸ Construct the ap');
    // oxlint-disable-next-line no-control-regex -- they are what is taken out
    const SEQUENCE = /\u001b\[[?\d]*[A-Za-z]/g;
    expect(
      frame.split('\n').every((line) => line.replaceAll(SEQUENCE, '').trim().length < 40),
    ).toBe(true);
  });

  it('leaves nothing behind for work that had no stages', () => {
    const { terminal, view } = live();
    view.close();
    expect(trimmed(terminal.screen())).toEqual([]);
  });
});

function trimmed(lines: readonly string[]): string[] {
  const kept = [...lines];
  while (kept.at(-1) === '') kept.pop();
  return kept;
}
