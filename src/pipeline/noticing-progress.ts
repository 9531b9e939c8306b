/** For work on one large file that takes minutes: a line now and then tells how far it is. */
import { type Amount, type Progress, quietProgress } from '../system/progress.ts';
import { formatSize } from '../system/size.ts';
import type { Emit } from './events.ts';

const NOTICE_SECONDS = 10;

export function noticingProgress(emit: Emit, signal: AbortSignal): Progress {
  let last = performance.now();
  const amount = ({ done, total, unit }: Amount) => {
    if (unit !== 'bytes' || performance.now() - last < NOTICE_SECONDS * 1000) return;
    last = performance.now();
    const whole = total === undefined ? '' : ` of ${formatSize(total)}`;
    emit({ type: 'notice', line: `${formatSize(done)}${whole} looked at` });
  };
  return { ...quietProgress(signal), amount };
}
