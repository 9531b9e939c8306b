/** `--timeout construct=30m`: deadlines as people write them. */
import { InvalidArgumentError } from 'commander';
import { suggest } from '../manifest/suggest.ts';
import { STAGES } from '../pipeline/events.ts';
import type { Timeouts } from '../pipeline/limits.ts';

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  '': 1,
  s: 1,
  m: 60,
  min: 60,
  h: 3600,
  d: 86_400,
};
const NAMES = [...STAGES.map(({ name }) => name), 'silence'] as const;

/** Adds one `NAME=DURATION` to those given before; commander calls it for each. */
export function addTimeout(text: string, earlier: Timeouts): Timeouts {
  const [, given = '', duration = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  const name = NAMES.find((one) => one === given);
  if (name === undefined) {
    const nearest = suggest(given, NAMES);
    throw new InvalidArgumentError(
      nearest === undefined
        ? `Write NAME=DURATION; the names are ${NAMES.join(', ')}.`
        : `Did you mean ${nearest}?`,
    );
  }
  const seconds = parseDuration(duration);
  if (seconds === undefined)
    throw new InvalidArgumentError('Write the duration as 90s, 15m or 2h.');
  return { ...earlier, [name]: seconds };
}

/** Seconds of `90`, `90s`, `15m`, `1.5h`, `7d`; undefined when the text is no duration above zero. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(text.trim());
  const unit = UNIT_SECONDS[match?.[2] ?? 'none'];
  if (!match || unit === undefined) return undefined;
  const seconds = Number(match[1]) * unit;
  return seconds > 0 ? seconds : undefined;
}
