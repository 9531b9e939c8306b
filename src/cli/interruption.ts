/**
 * Ctrl-C and its relatives. The first one asks the run to stop and give everything back; the second
 * one does not wait: it ends the process, and with it every process group that it started.
 */
import { PvmcError } from '../system/error.ts';
import { exitStatusOf } from './exit-status.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export const STOPPING = 'stopping; press Ctrl-C again to end at once';

export interface Interruption {
  readonly signal: AbortSignal;
  /** Who tells the user that the run is stopping; the latest one set does. */
  tell(say: (line: string) => void): void;
  /** Aborts as the first Ctrl-C does, in silence: nobody reads our output any more. */
  abandon(): void;
  /** Leaves the signals to the system again. */
  dispose(): void;
}

export function watchInterruptions(exit: (status: number) => void): Interruption {
  const controller = new AbortController();
  let say = (_line: string) => {};
  const onSignal = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      exit(exitStatusOf('interrupted'));
      return;
    }
    controller.abort(interrupted(signal));
    say(STOPPING);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    signal: controller.signal,
    tell: (tellUser) => {
      say = tellUser;
    },
    abandon: () => controller.abort(outputClosed()),
    dispose: () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}

/** Never shown: there is nobody to show it to. */
export const OUTPUT_CLOSED = 'output-closed';

function outputClosed(): PvmcError {
  return new PvmcError({
    kind: 'interrupted',
    code: OUTPUT_CLOSED,
    message: 'the program that read our output has ended',
  });
}

function interrupted(signal: NodeJS.Signals): PvmcError {
  const by = signal === 'SIGINT' ? 'Ctrl-C' : signal;
  return new PvmcError({
    kind: 'interrupted',
    code: 'interrupted',
    message: `stopped by ${by}`,
  });
}
