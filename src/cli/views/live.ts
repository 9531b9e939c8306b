/**
 * The terminal view: the screen drawn over itself, ten times a second at most, and above it the
 * lines that stay (notices, and the log with `--verbose`).
 */
import type { BuildEvent, StageName } from '../../pipeline/events.ts';
import { advance, endRun, type RunState, startRun } from '../run-state.ts';
import { renderScreen } from '../screen.ts';
import type { Style } from '../style.ts';
import { columnsOf, type OutputStream } from '../surroundings.ts';
import { printable, wrap } from '../text.ts';
import { Canvas } from './canvas.ts';
import type { View } from './view.ts';

const MILLISECONDS_BETWEEN_FRAMES = 100;
const DEFAULT_ROWS = 24;

export interface LiveOptions {
  readonly stream: OutputStream;
  readonly now: () => number;
  readonly style: Style;
  readonly title: string;
  readonly log: 'shown' | 'hidden';
  /** Stages that the run was told to leave out. */
  readonly without: readonly StageName[];
}

export class LiveView implements View {
  readonly #options: LiveOptions;
  readonly #canvas: Canvas;
  readonly #timer: NodeJS.Timeout;
  #state: RunState;
  /** Lines that stay, waiting for the next frame. */
  #above: string[] = [];
  #open = true;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#state = startRun(options.title, options.now(), options.without);
    this.#canvas = new Canvas(options.stream, () => this.#draw());
    this.#timer = setInterval(() => this.#draw(), MILLISECONDS_BETWEEN_FRAMES);
    this.#draw();
  }

  show(event: BuildEvent): void {
    if (!this.#open) return;
    const { style, log } = this.#options;
    this.#state = advance(this.#state, event, this.#options.now());
    if (event.type === 'notice') this.#above.push(...this.#notice(event.line));
    if (event.type === 'log' && log === 'shown')
      this.#above.push(style.dim(printable(`${event.origin}| ${event.line}`)));
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    clearInterval(this.#timer);
    this.#state = endRun(this.#state, this.#options.now());
    this.#draw();
    this.#canvas.close();
  }

  /** A run that had no stages leaves nothing behind. */
  #draw(): void {
    const { stream, now, style } = this.#options;
    const lines = renderScreen(this.#state, {
      // The last column stays free: some terminals wrap a line that ends there.
      columns: columnsOf(stream) - 1,
      rows: stream.rows || DEFAULT_ROWS,
      now: now(),
      style,
    });
    const empty = !this.#open && Object.keys(this.#state.stages).length === 0;
    this.#canvas.draw(empty ? [] : lines, this.#above.splice(0));
  }

  #notice(text: string): string[] {
    const { stream, style } = this.#options;
    return wrap(printable(text), columnsOf(stream) - 3).map((line, index) =>
      index === 0 ? `${style.warning(style.marks.notice)} ${line}` : `  ${line}`,
    );
  }
}
