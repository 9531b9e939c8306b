/** What a rule is: one thing that can be wrong with an appliance, and all that there is to say of it. */
import type { Place } from '../appliance/broken.ts';

/**
 * `error`: an importer that people use refuses the file or gets another disk than was meant. `warning`: the
 * specification wants it otherwise, or some importer has been seen to stumble. `note`: harmless.
 */
export type Severity = 'error' | 'warning' | 'note';

/** `prevents`: while this stands, nobody knows what the right file would be, so nothing is repaired. */
export type Repair = 'yes' | 'no' | 'prevents';

export interface Source {
  readonly text: string;
  readonly url?: string;
}

export interface RuleText {
  /** Stable, and never given again: L1xx the archive, L2xx the manifest, L3xx the descriptor, L4xx the disk. */
  readonly number: `L${number}`;
  readonly severity: Severity;
  /** What is wrong, in a few words. */
  readonly title: string;
  readonly reason: string;
  /** Who stumbles over it. */
  readonly breaks: string;
  readonly sources: readonly Source[];
  /** What to do about it. */
  readonly cure: string;
  /** Whether `--fix` does it. */
  readonly repair: Repair;
}

/** One place that a rule complains about. */
export interface Complaint {
  readonly message: string;
  readonly place: Place;
}

/** A rule that looks for itself has a check; the others are about what a reader finds on its way. */
export interface Rule<Subject> extends RuleText {
  readonly check?: (subject: Subject) => Iterable<Complaint>;
}

/** DSP0243, the DMTF's Open Virtualization Format Specification 1.1: a section, or what it is about. */
export function dsp0243(section: string): Source {
  const url = 'https://www.dmtf.org/sites/default/files/standards/documents/DSP0243_1.1.0.pdf';
  return { text: `DSP0243, ${section}`, url };
}

/** VMware's Virtual Disk Format 5.0. */
export function vmdk50(section: string): Source {
  const url = 'http://www.vmware.com/support/developer/vddk/vmdk_50_technote.pdf';
  return { text: `Virtual Disk Format 5.0, ${section}`, url };
}

/** A public issue or pull request on GitHub, as `owner/name#number`. */
export function issue(reference: `${string}/${string}#${number}`): Source {
  const [repository, number] = reference.split('#');
  return { text: reference, url: `https://github.com/${repository}/issues/${number}` };
}

/** Seen with pvmc's own tests, or while they were written. */
export function tried(what: string): Source {
  return { text: `tried: ${what}` };
}
