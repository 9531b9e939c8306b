/** Spans of time as people write them. */

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  '': 1,
  s: 1,
  m: 60,
  min: 60,
  h: 3600,
  d: 86_400,
};

/** Seconds of `90`, `90s`, `15m`, `1.5h`, `7d`; undefined when the text is no duration above zero. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(text.trim());
  const unit = UNIT_SECONDS[match?.[2] ?? 'none'];
  if (!match || unit === undefined) return undefined;
  const seconds = Number(match[1]) * unit;
  return seconds > 0 ? seconds : undefined;
}
