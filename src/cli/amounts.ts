/** Honest amounts in words: how much of how much, never more than is known. */
import { counted } from '../system/counted.ts';
import type { Amount } from '../system/progress.ts';
import { formatSize } from '../system/size.ts';

/** `84.2 MiB of 175 MiB`, `212 of 480 packages`, `84.2 MiB` while the whole is unknown. */
export function formatAmount({ done, total, unit }: Amount): string {
  if (unit === 'bytes')
    return total === undefined ? formatSize(done) : `${formatSize(done)} of ${formatSize(total)}`;
  const one = unit.slice(0, -1);
  return total === undefined ? counted(done, one) : `${done} of ${counted(total, one)}`;
}

/** From 0 to 1; undefined while the whole is unknown. */
export function partOf({ done, total }: Amount): number | undefined {
  if (total === undefined || total <= 0) return undefined;
  return Math.min(Math.max(done / total, 0), 1);
}

/** Whole per cent, never 100 before the end. */
export function formatPercent(part: number): string {
  return `${Math.floor(part * 100)} %`;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `just now`, `5 min ago`, `3 h ago`, `12 days ago`. */
export function formatAge(seconds: number): string {
  if (seconds < MINUTE) return 'just now';
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min ago`;
  if (seconds < 2 * DAY) return `${Math.floor(seconds / HOUR)} h ago`;
  return `${Math.floor(seconds / DAY)} days ago`;
}
