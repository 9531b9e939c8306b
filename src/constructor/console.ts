/** What a person in front of the machine's console sees of the constructor's words. */
import type { GuestMessage, Verdict } from '../link/protocol.ts';
import { formatDuration } from '../system/size.ts';
import { STEPS } from './construct.ts';

/** The line, or lines, for a message; nothing for what would only scroll by. */
export function consoleText(message: GuestMessage, logs: string): string | undefined {
  switch (message.type) {
    case 'hello':
      return `pvmc constructor on Linux ${message.kernel}, ${message.uptimeSeconds.toFixed(0)} s after power-on`;
    case 'step-started': {
      const index = STEPS.findIndex((step) => step.name === message.step);
      return `[${index + 1}/${STEPS.length}] ${STEPS[index]?.title ?? message.step}`;
    }
    case 'notice':
      return message.line;
    case 'verdict':
      return verdictText(message.verdict, logs);
    case 'plan':
    case 'step-finished':
    case 'amount':
    case 'log':
    case 'alive':
    case 'file':
    case 'checkpoint':
      return undefined;
  }
}

function verdictText(verdict: Verdict, logs: string): string {
  if (verdict.ok) return `The appliance is constructed (${formatDuration(verdict.seconds)}).`;
  return [
    `FAILED ${verdict.step === 'start' ? 'before the first step' : `in the step ${verdict.step}`}: ${verdict.message}`,
    ...verdict.details.map((line) => `  ${line}`),
    ...(verdict.hint === undefined ? [] : [verdict.hint]),
    `The log is ${logs}/constructor.log; the journal: journalctl -u pvmc-constructor`,
  ].join('\n');
}
