/**
 * Plain lines, for logs and for terminals that cannot draw: one for each event that matters, with the
 * time since the start. Progress comes seldom, but a long silence is broken: CI systems end jobs that
 * say nothing.
 */
import { type BuildEvent, STAGES, type StageName } from '../../pipeline/events.ts';
import { formatDuration } from '../../system/size.ts';
import { formatAmount, formatPercent, partOf } from '../amounts.ts';
import { formatElapsed } from '../screen.ts';
import { printable } from '../text.ts';
import { Pace } from './pace.ts';
import type { View } from './view.ts';

const SECONDS_BETWEEN_AMOUNTS = 10;
const SECONDS_OF_SILENCE = 60;

interface Reused {
  readonly stages: readonly StageName[];
  readonly from: string;
  readonly result: string;
}

export interface PlainOptions {
  readonly write: (text: string) => void;
  readonly now: () => number;
  readonly log: 'shown' | 'hidden';
}

export class PlainView implements View {
  readonly #options: PlainOptions;
  readonly #startedAt: number;
  readonly #pace: Pace;
  readonly #timer: NodeJS.Timeout;
  #expected: Readonly<Partial<Record<StageName, number>>> = {};
  #running: { readonly what: string; readonly since: number } | undefined;
  #lastLineAt: number;
  /** Stages that an earlier build has done, not said yet: the guest's have one result together. */
  #reused: Reused | undefined;

  constructor(options: PlainOptions) {
    this.#options = options;
    this.#startedAt = options.now();
    this.#lastLineAt = this.#startedAt;
    this.#pace = new Pace({
      seconds: SECONDS_BETWEEN_AMOUNTS,
      completion: 'paced',
      now: options.now,
    });
    this.#timer = setInterval(() => this.breakSilence(), 1000);
    this.#timer.unref();
  }

  show(event: BuildEvent): void {
    if (event.type !== 'stage-reused') this.#sayReused();
    switch (event.type) {
      case 'build-started':
        this.#expected = event.expectedSeconds;
        this.#line(`${event.appliance} ${event.version}: build ${event.build} in ${event.folder}`);
        break;
      case 'stage-started':
        this.#begin(event.stage, titleOf(event.stage));
        this.#line(`${event.stage}: ${titleOf(event.stage)}${this.#expectation(event.stage)}`);
        break;
      case 'stage-finished': {
        const result = event.result === '' ? '' : `: ${event.result}`;
        this.#running = undefined;
        this.#line(`${event.stage}: done in ${formatDuration(event.seconds)}${result}`);
        break;
      }
      case 'stage-reused':
        this.#reuse(event);
        break;
      case 'step-started': {
        const of = event.count === undefined ? '' : ` of ${event.count}`;
        this.#begin(event.stage, event.title);
        this.#line(`${event.stage}: step ${event.index}${of}: ${event.title}`);
        break;
      }
      case 'amount': {
        if (!this.#pace.allows(event)) break;
        const part = partOf(event.amount);
        const percent = part === undefined ? '' : ` (${formatPercent(part)})`;
        this.#line(`${event.stage}: ${formatAmount(event.amount)}${percent}`);
        break;
      }
      case 'log':
        if (this.#options.log === 'shown') this.#line(`${event.origin}| ${event.line}`);
        break;
      case 'notice':
        this.#line(`note: ${event.line}`);
        break;
      // The steps' beginnings tell it; the end screen and the failure screen say the rest.
      case 'step-finished':
      case 'build-finished':
      case 'build-failed':
        break;
    }
  }

  close(): void {
    this.#sayReused();
    clearInterval(this.#timer);
  }

  /** Says what still runs when nothing was said for a minute. */
  breakSilence(): void {
    const now = this.#options.now();
    if (this.#running === undefined || now - this.#lastLineAt < SECONDS_OF_SILENCE) return;
    this.#line(`${this.#running.what}, since ${formatElapsed(now - this.#running.since)}`);
  }

  #reuse({ stage, from, result }: Extract<BuildEvent, { readonly type: 'stage-reused' }>): void {
    const last = this.#reused;
    if (last?.from === from && last.result === result) {
      this.#reused = { from, result, stages: [...last.stages, stage] };
      return;
    }
    this.#sayReused();
    this.#reused = { from, result, stages: [stage] };
  }

  #sayReused(): void {
    if (this.#reused === undefined) return;
    const { stages, from, result } = this.#reused;
    this.#reused = undefined;
    this.#line(`${stages.join(', ')}: unchanged, as in ${from}: ${result}`);
  }

  #begin(stage: StageName, title: string): void {
    this.#running = { what: `${stage}: still at "${title}"`, since: this.#options.now() };
    this.#pace.begin('later');
  }

  #expectation(stage: StageName): string {
    const seconds = this.#expected[stage];
    return seconds === undefined ? '' : ` (about ${formatElapsed(seconds)})`;
  }

  #line(text: string): void {
    const now = this.#options.now();
    this.#lastLineAt = now;
    this.#options.write(`[${clock(now - this.#startedAt)}] ${printable(text)}\n`);
  }
}

function titleOf(stage: StageName): string {
  return STAGES.find(({ name }) => name === stage)?.title ?? stage;
}

/** `00:01:05`. */
function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return [whole / 3600, (whole / 60) % 60, whole % 60]
    .map((part) => String(Math.floor(part)).padStart(2, '0'))
    .join(':');
}
