/**
 * How long each stage may take before a run ends with that reason. Generous: a limit is for what
 * hangs, not for what is slow. Software emulation is some fifteen times slower.
 */
import type { Acceleration, Speed } from '../hypervisors/hypervisor.ts';
import type { Manifest } from '../manifest/schema.ts';
import type { StageName } from './events.ts';

/**
 * Deadlines in seconds that the user set: for a whole stage, and `silence` for how long the guest may
 * say nothing at all. Whatever is not named has the one below.
 */
export type Timeouts = Readonly<Partial<Record<StageName | 'silence', number>>>;

const MINUTE = 60;

const USUAL: Readonly<Record<StageName | 'silence', number>> = {
  media: 30 * MINUTE,
  machine: MINUTE,
  start: 2 * MINUTE,
  boot: 3 * MINUTE,
  construct: 60 * MINUTE,
  export: 60 * MINUTE,
  verify: 15 * MINUTE,
  // The constructor says every ten seconds that it lives.
  silence: MINUTE,
};

const EMULATED: typeof USUAL = {
  ...USUAL,
  boot: 10 * MINUTE,
  construct: 4 * 60 * MINUTE,
  verify: 60 * MINUTE,
  silence: 3 * MINUTE,
};

const HOUR = 60 * MINUTE;

/** The medium alone takes an hour to boot on a busy computer, and a guest that only computes says nothing meanwhile. */
const INTERPRETED: typeof USUAL = {
  ...EMULATED,
  start: 10 * MINUTE,
  boot: 12 * HOUR,
  construct: 7 * 24 * HOUR,
  verify: 24 * HOUR,
  silence: 2 * HOUR,
};

/** The limits of a run: the user's, then those that suit the speed of the machine. */
export function limitsFor(speed: Speed, timeouts: Timeouts): typeof USUAL {
  const usual = speed.interpreted === true ? INTERPRETED : EMULATED;
  return { ...(speed.available ? USUAL : usual), ...timeouts };
}

/** What the user wants of a run: the command line's word goes before the manifest's. */
export function wantedTimeouts(manifest: Pick<Manifest, 'timeouts'>, given: Timeouts): Timeouts {
  const named = Object.entries(manifest.timeouts).filter(([, seconds]) => seconds !== undefined);
  return { ...Object.fromEntries(named), ...given };
}

/** Said once at the start of a run that has to do without hardware virtualization. */
export function slowLine({ why, interpreted }: Acceleration): string {
  if (interpreted === true)
    return `No hardware virtualization (${why}): the guest is interpreted, some hundred times slower. Its boot takes from a quarter of an hour on, a construction many hours.`;
  return `No hardware virtualization (${why}): the guest runs in software emulation, some fifteen times slower.`;
}
