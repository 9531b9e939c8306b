/** Progress of work that is no stage: its words become events, its amounts are not shown. */
import type { Progress } from '../system/progress.ts';
import type { Emit } from './events.ts';

export function eventProgress(emit: Emit, signal: AbortSignal): Progress {
  return {
    signal,
    log: (line, origin = 'pvmc') => emit({ type: 'log', origin, line }),
    amount: () => {},
    notice: (line) => emit({ type: 'notice', line }),
  };
}
