/**
 * The terminal view as lines of text: a pure function of the run's state, the time and the terminal.
 * No line is wider than the terminal and there are never more lines than fit, so that drawing over
 * them again is exact.
 */
import { STAGES, type StageName } from '../pipeline/events.ts';
import { formatDuration } from '../system/size.ts';
import { formatAmount, formatPercent, partOf } from './amounts.ts';
import type { RunState, StageState } from './run-state.ts';
import { bar, type Style } from './style.ts';
import { pad, printable, truncate, widthOf } from './text.ts';

export interface Frame {
  readonly columns: number;
  readonly rows: number;
  /** Seconds, on the clock of the state. */
  readonly now: number;
  readonly style: Style;
}

const TIME_COLUMNS = 11;
const MARGIN = '    ';
const WIDEST_BAR = 30;
const NARROWEST_BAR = 8;
/** Narrower remarks say nothing. */
const NARROWEST_REMARK = 12;

type Running = Extract<StageState, { status: 'running' | 'failed' }>;

export function renderScreen(state: RunState, frame: Frame): string[] {
  const header = renderHeader(state, frame);
  const blocks = STAGES.flatMap(({ name, title }) => {
    const stage = state.stages[name];
    return stage ? [{ stage, lines: renderStage({ name, title, stage }, state, frame) }] : [];
  });
  return [header, ...fitting(blocks, frame.rows - 2)];
}

/** Time that passed, in whole seconds: tenths would flicker. */
export function formatElapsed(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  return whole < 60 ? `${whole} s` : formatDuration(whole);
}

/**
 * How long the whole will take: what has passed, what the running stage still needs and what was
 * learned of the others. Undefined while anything of that is unknown.
 */
export function expectedTotalSeconds(state: RunState, now: number): number | undefined {
  let total = 0;
  for (const { name } of STAGES) {
    const stage = state.stages[name];
    const expected = state.expectedSeconds[name];
    if (stage === undefined || stage.status === 'reused') continue;
    if (stage.status === 'done') total += stage.seconds;
    else if (expected === undefined) return undefined;
    else if (stage.status === 'pending') total += expected;
    else total += Math.max(expected, (stage.endedAt ?? now) - stage.startedAt);
  }
  return total;
}

/** What to leave out when the terminal is low: what is done, the oldest first, then what is to come. */
function fitting(
  blocks: readonly { readonly stage: StageState; readonly lines: readonly string[] }[],
  rows: number,
): string[] {
  const kept = [...blocks];
  const height = () => kept.reduce((sum, { lines }) => sum + lines.length, 0);
  while (height() > rows) {
    const oldest = kept.findIndex(({ stage }) => isOver(stage));
    const last = kept.findLastIndex(({ stage }) => stage.status === 'pending');
    const leave = oldest >= 0 ? oldest : last;
    if (leave < 0) break;
    kept.splice(leave, 1);
  }
  return kept.flatMap(({ lines }) => lines).slice(0, Math.max(rows, 0));
}

function isOver({ status }: StageState): boolean {
  return status === 'done' || status === 'reused';
}

function renderHeader(state: RunState, { columns, now, style }: Frame): string {
  const full = printable(state.title);
  const elapsed = formatElapsed(now - state.startedAt);
  const time = [elapsed + expectation(state, now), elapsed].find(
    (text) => widthOf(full) + widthOf(text) + 2 <= columns,
  );
  const shown = time ?? elapsed;
  const room = Math.max(columns - widthOf(shown) - 2, 0);
  const title = truncate(full, room, style.marks.ellipsis);
  const gap = Math.max(columns - widthOf(title) - widthOf(shown), 0);
  return `${style.bold(title)}${' '.repeat(gap)}${style.dim(truncate(shown, columns, ''))}`;
}

function expectation(state: RunState, now: number): string {
  if (Object.keys(state.expectedSeconds).length === 0) return '';
  const seconds = expectedTotalSeconds(state, now);
  return seconds === undefined ? '' : ` of about ${formatElapsed(seconds)}`;
}

interface NamedStage {
  readonly name: StageName;
  readonly title: string;
  readonly stage: StageState;
}

function renderStage({ name, title, stage }: NamedStage, state: RunState, frame: Frame): string[] {
  const expected = state.expectedSeconds[name];
  if (stage.status === 'pending') {
    const time = expected === undefined ? '' : `~${formatElapsed(expected)}`;
    return [row({ stage, title, time }, frame)];
  }
  if (stage.status === 'done') {
    const time = formatDuration(stage.seconds);
    return [row({ stage, title, time, remark: stage.result }, frame)];
  }
  if (stage.status === 'reused') {
    const remark = saidBelow(name, stage, state) ? '' : `as in ${stage.from}: ${stage.result}`;
    return [row({ stage, title, time: 'unchanged', remark }, frame)];
  }
  const time = formatElapsed((stage.endedAt ?? frame.now) - stage.startedAt);
  const remark = [
    ...(expected === undefined ? [] : [`of about ${formatElapsed(expected)}`]),
    ...stepCount(stage),
  ].join(` ${frame.style.marks.separator} `);
  return [row({ stage, title, time, remark }, frame), ...renderStep(stage, frame)];
}

/** Stages that one result was taken for, the guest's, have it beside the last of them. */
function saidBelow(
  name: StageName,
  { from, result }: Extract<StageState, { status: 'reused' }>,
  { stages }: RunState,
): boolean {
  const next = STAGES[STAGES.findIndex((one) => one.name === name) + 1];
  const below = next && stages[next.name];
  return below?.status === 'reused' && below.from === from && below.result === result;
}

function stepCount({ step }: Running): string[] {
  if (step === undefined) return [];
  return [step.count === undefined ? `step ${step.index}` : `step ${step.index} of ${step.count}`];
}

interface Row {
  readonly stage: StageState;
  readonly title: string;
  readonly time: string;
  readonly remark?: string;
}

function row({ stage, title, time, remark = '' }: Row, { columns, style }: Frame): string {
  const { ellipsis } = style.marks;
  const titleColumns = Math.min(
    Math.max(...STAGES.map((one) => one.title.length)),
    columns - TIME_COLUMNS - 4,
  );
  const named = pad(truncate(title, titleColumns, ellipsis), titleColumns);
  const timed = ' '.repeat(Math.max(TIME_COLUMNS - widthOf(time), 0)) + time;
  const room = columns - titleColumns - TIME_COLUMNS - 6;
  const said = room < NARROWEST_REMARK ? '' : truncate(printable(remark), room, ellipsis);
  const painted = paint(stage, style);
  const start =
    time === ''
      ? ` ${painted.mark} ${painted.title(named.trimEnd())}`
      : ` ${painted.mark} ${painted.title(named)} ${style.dim(timed)}`;
  return said === '' ? start : `${start}  ${style.dim(said)}`;
}

function paint({ status }: StageState, { marks, dim, accent, bold, good, bad }: Style) {
  const paints = {
    pending: { mark: dim(marks.pending), title: dim },
    running: { mark: accent(marks.running), title: bold },
    done: { mark: good(marks.done), title: (text: string) => text },
    reused: { mark: dim(marks.done), title: (text: string) => text },
    failed: { mark: bad(marks.failed), title: bold },
  };
  return paints[status];
}

function renderStep({ step, amount }: Running, { columns, style }: Frame): string[] {
  const room = columns - MARGIN.length;
  const lines: string[] = [];
  if (step) lines.push(truncate(printable(step.title), room, style.marks.ellipsis));
  if (amount) {
    const part = partOf(amount);
    const said = formatAmount(amount);
    lines.push(part === undefined ? said : renderBar({ part, said, room }, style));
  }
  return lines.map((line) => MARGIN + line);
}

function renderBar(
  { part, said, room }: { readonly part: number; readonly said: string; readonly room: number },
  style: Style,
): string {
  const percent = formatPercent(part).padStart(5);
  const width = Math.min(room - percent.length - widthOf(said) - 3, WIDEST_BAR);
  if (width < NARROWEST_BAR)
    return truncate(`${percent.trimStart()}  ${said}`, room, style.marks.ellipsis);
  return `${style.accent(bar(part, width, style.marks))} ${percent}  ${said}`;
}
