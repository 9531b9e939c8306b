/** What a look at this computer can find, and what a check is. */

/**
 * `problem`: a build cannot run. `warning`: it can, but slower, or perhaps not to its end. `absent`: not
 * there, and not needed.
 */
export type FindingState = 'ok' | 'warning' | 'problem' | 'absent';

export interface Cure {
  /** For a person, where no command does it alone. */
  readonly advice?: string | undefined;
  /** To be pasted into a shell, in this order. */
  readonly commands?: readonly string[] | undefined;
}

export interface Finding {
  readonly state: FindingState;
  /** One sentence, no final stop. */
  readonly finding: string;
  readonly cure?: Cure | undefined;
}

export interface Check {
  /** `memory`, `user namespaces`: what is looked at. */
  readonly name: string;
  /** What it is when the look does not come to an end. */
  readonly ifItHangs: 'warning' | 'problem';
  /** The signal ends the look; what was found then does not count. */
  look(signal: AbortSignal): Promise<readonly Finding[]>;
}

export interface CheckResult {
  readonly name: string;
  readonly findings: readonly Finding[];
}

export function ok(finding: string): Finding {
  return { state: 'ok', finding };
}

export function absent(finding: string): Finding {
  return { state: 'absent', finding };
}

export function warning(finding: string, cure?: Cure): Finding {
  return { state: 'warning', finding, cure };
}

export function problem(finding: string, cure?: Cure): Finding {
  return { state: 'problem', finding, cure };
}
