/**
 * Why a guest that was to build has failed, told from evidence: what happened to its machine, and what
 * its console showed.
 */
import { lastSign, type Sign } from '../console/signs.ts';
import { endedFromOutside } from '../hypervisors/ended-from-outside.ts';
import type { MachineEvent, RunningMachine } from '../hypervisors/hypervisor.ts';
import { PvmcError } from '../system/error.ts';

/** The failure that an event is while there is no verdict. `console` are the last lines of it. */
export function endedWithoutVerdict(event: MachineEvent, console: readonly string[]): PvmcError {
  const outside = endedFromOutside(event);
  if (outside) return withDetails(outside, lastWords(console));
  const sign = lastSign(console);
  if (event.type === 'panicked')
    return lostGuest(sign?.code === 'guest-panicked' ? sign : PANIC, console);
  const because = sign === undefined ? '' : `: ${sign.reason}`;
  const details = evidence(sign, console);
  if (event.type === 'reset')
    return new PvmcError({
      kind: 'machine',
      code: 'guest-reset',
      message: `the guest reset itself instead of giving a verdict${because}`,
      hint: 'The console log shows what came before it: a kernel panic often ends like this.',
      details,
    });
  return new PvmcError({
    kind: 'machine',
    code: 'no-verdict',
    message: `the guest powered itself off without a verdict${because}`,
    hint: 'A power-off is not a success. The console log shows what came before it.',
    details,
  });
}

const PANIC: Sign = { code: 'guest-panicked', reason: 'the kernel panicked', line: '' };

/** The failure that a sign on the console is. */
export function lostGuest(sign: Sign, console: readonly string[]): PvmcError {
  return new PvmcError({
    kind: 'machine',
    code: sign.code,
    message: `the guest is lost: ${sign.reason}`,
    hint: HINTS[sign.code],
    details: evidence(sign, console),
  });
}

const HINTS: Readonly<Record<Sign['code'], string>> = {
  'nothing-to-boot': 'The medium may be damaged: build it anew.',
  'boot-loader-stuck': 'The medium may be damaged: build it anew.',
  'guest-panicked':
    'More memory may help (`memory` of the machine); the console log shows the rest.',
  'initramfs-stuck': 'The console log shows what was looked for.',
  'emergency-mode': 'The console log shows which unit failed.',
  'medium-gave-up': 'The medium may be damaged: build it anew. The console log shows the rest.',
};

/**
 * A limit that has passed, with what is known of the guest besides: whether its processors work, and
 * what its console showed last. Any other failure stays as it is.
 */
export async function explainStandstill(
  thrown: unknown,
  running: RunningMachine,
  { processors, console }: { readonly processors: number; readonly console: readonly string[] },
): Promise<unknown> {
  if (!(thrown instanceof PvmcError) || !['silence-limit', 'time-limit'].includes(thrown.code))
    return thrown;
  const busy = await running.busyProcessors().catch(() => undefined);
  return withDetails(thrown, [...atWork(busy, processors), ...lastWords(console)]);
}

function atWork(busy: number | undefined, processors: number): string[] {
  if (busy === undefined) return [];
  const all = processors === 1 ? 'its processor is' : 'its processors are';
  if (busy === 0) return [`${all} halted: the guest waits for something`];
  const some = `${busy} of its ${processors} processors ${busy === 1 ? 'is' : 'are'}`;
  return [`${busy === processors ? all : some} at work: it is slow, or turns in circles`];
}

/** The line itself, or what was said last. */
function evidence(sign: Sign | undefined, console: readonly string[]): string[] {
  return sign === undefined || sign.line === ''
    ? lastWords(console)
    : [`its console shows: ${sign.line}`];
}

function lastWords(console: readonly string[]): string[] {
  const last = console.at(-1);
  return [last === undefined ? 'its console is empty' : `its console ends with: ${last}`];
}

function withDetails(error: PvmcError, more: readonly string[]): PvmcError {
  const { kind, code, message, hint, details } = error;
  return new PvmcError({ kind, code, message, hint, details: [...details, ...more], cause: error });
}
