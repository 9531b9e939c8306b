/** What a build's own log has of its events. */
import type { BuildEvent } from './events.ts';

/** The event as a line; undefined when it is not worth one. */
export function logLine(event: BuildEvent): string | undefined {
  switch (event.type) {
    case 'log':
      return `${event.origin}: ${event.line}`;
    case 'notice':
      return `notice: ${event.line}`;
    case 'stage-started':
      return `stage ${event.stage}`;
    case 'stage-finished':
      return `stage ${event.stage} done in ${event.seconds.toFixed(1)} s: ${event.result}`;
    case 'stage-reused':
      return `stage ${event.stage} as in ${event.from}: ${event.result}`;
    case 'step-started':
      return `step ${event.step}: ${event.title}`;
    case 'step-finished':
      return `step ${event.step} done in ${event.seconds.toFixed(1)} s`;
    case 'build-failed':
      return `FAILED ${event.failure.code}: ${event.failure.message}`;
    case 'build-finished':
      return 'finished';
    case 'build-started':
      return `build ${event.build}`;
    case 'amount':
      return undefined;
  }
}
