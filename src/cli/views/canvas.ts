/**
 * A few lines at the bottom of the terminal that are drawn over themselves. Every line is written in
 * place and then cleared to its right, so nothing is ever blank in between and nothing flickers.
 *
 * log-update 7.2 was tried: it leaves rows behind when the number of lines changes in the middle.
 */
import { columnsOf, type OutputStream } from '../surroundings.ts';
import { printable, widthOf } from '../text.ts';

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const ERASE_RIGHT = '\u001b[K';
const ERASE_BELOW = '\u001b[J';
/** Terminals that know these show the whole frame at once; others ignore them. */
const BEGIN_FRAME = '\u001b[?2026h';
const END_FRAME = '\u001b[?2026l';

export class Canvas {
  readonly #stream: OutputStream;
  readonly #showCursor = () => void this.#stream.write(SHOW_CURSOR);
  readonly #resized = () => this.#startOver();
  readonly #redraw: () => void;
  #drawn: readonly string[] = [];

  /** `redraw` is called when the terminal has another size. */
  constructor(stream: OutputStream, redraw: () => void) {
    this.#stream = stream;
    this.#redraw = redraw;
    stream.write(HIDE_CURSOR);
    process.on('exit', this.#showCursor);
    stream.on('resize', this.#resized);
  }

  /**
   * Draws the lines where the last ones were; `above` stay there for good and move what is drawn
   * down. No line of `lines` may be wider, nor all of them higher, than the terminal.
   */
  draw(lines: readonly string[], above: readonly string[] = []): void {
    const unchanged =
      lines.length === this.#drawn.length &&
      lines.every((line, index) => line === this.#drawn[index]);
    if (unchanged && above.length === 0) return;
    const written = [...above, ...lines].map((line) => `${line}${ERASE_RIGHT}\n`).join('');
    this.#stream.write(
      `${BEGIN_FRAME}${up(this.#drawn.length)}${written}${ERASE_BELOW}${END_FRAME}`,
    );
    this.#drawn = lines;
  }

  /** Leaves what is drawn as it stands. */
  close(): void {
    this.#stream.off('resize', this.#resized);
    process.off('exit', this.#showCursor);
    this.#showCursor();
  }

  /** The terminal has broken the lines anew, so they take other rows now: go over those, draw afresh. */
  #startOver(): void {
    const columns = columnsOf(this.#stream);
    const rows = this.#drawn.map((line) =>
      Math.max(1, Math.ceil(widthOf(printable(line)) / columns)),
    );
    this.#stream.write(`${up(rows.reduce((sum, one) => sum + one, 0))}${ERASE_BELOW}`);
    this.#drawn = [];
    this.#redraw();
  }
}

/** To the beginning of the line that many rows up; CSI with 0 would mean 1. */
function up(rows: number): string {
  return rows === 0 ? '\r' : `\u001b[${rows}A\r`;
}
