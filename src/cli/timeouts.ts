/** `--timeout construct=30m`: deadlines as people write them. */
import { InvalidArgumentError } from 'commander';
import { suggest } from '../manifest/suggest.ts';
import { STAGES } from '../pipeline/events.ts';
import type { Timeouts } from '../pipeline/limits.ts';
import { parseDuration } from '../system/duration.ts';

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
