/** `--json`: one object a line. The format is documented in docs/commands.md and kept stable. */
import type { BuildEvent } from '../../pipeline/events.ts';
import { Pace } from './pace.ts';
import type { View } from './view.ts';

/** Raised when a reader of the lines would have to change. */
export const JSON_FORMAT = 1;

const SECONDS_BETWEEN_AMOUNTS = 0.5;

export interface JsonLines {
  /** Writes one object as a line, with `at`, the seconds since the start. */
  write(object: object): void;
}

export interface JsonOptions {
  /** The first line; a command that writes none has no header either. */
  readonly header: object;
  readonly write: (text: string) => void;
  readonly now: () => number;
}

export function makeJsonLines({ header, write, now }: JsonOptions): JsonLines {
  const startedAt = now();
  let begun = false;
  const line = (at: number, object: object) => write(`${JSON.stringify({ at, ...object })}\n`);
  return {
    write: (object) => {
      if (!begun) line(0, header);
      begun = true;
      line(Math.round((now() - startedAt) * 1000) / 1000, object);
    },
  };
}

export class JsonView implements View {
  readonly #lines: JsonLines;
  readonly #pace: Pace;

  constructor(lines: JsonLines, now: () => number) {
    this.#lines = lines;
    this.#pace = new Pace({ seconds: SECONDS_BETWEEN_AMOUNTS, completion: 'always', now });
  }

  show(event: BuildEvent): void {
    if (event.type === 'amount' && !this.#pace.allows(event)) return;
    if (event.type === 'stage-started' || event.type === 'step-started')
      this.#pace.begin('at-once');
    this.#lines.write(event);
  }

  close(): void {}
}
