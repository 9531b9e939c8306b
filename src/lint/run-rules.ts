import type { Findings } from './findings.ts';
import type { Rule } from './rule.ts';
import { isRuleName } from './rules.ts';

/** A rule is not asked for more: to say where takes time, and few are shown. */
const MOST_COMPLAINTS = 100;

/** Runs those of the rules that look for themselves. */
export function check<Subject>(
  rules: Readonly<Record<string, Rule<Subject>>>,
  subject: Subject,
  findings: Findings,
): void {
  for (const [name, rule] of Object.entries(rules)) {
    if (!isRuleName(name) || !rule.check) continue;
    let left = MOST_COMPLAINTS;
    for (const complaint of rule.check(subject)) {
      findings.add(name, complaint);
      left -= 1;
      if (left === 0) break;
    }
  }
}
