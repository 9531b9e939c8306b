import type { Findings } from './findings.ts';
import type { Rule } from './rule.ts';
import { isRuleName } from './rules.ts';

/** Runs those of the rules that look for themselves. */
export function check<Subject>(
  rules: Readonly<Record<string, Rule<Subject>>>,
  subject: Subject,
  findings: Findings,
): void {
  for (const [name, rule] of Object.entries(rules)) {
    if (!isRuleName(name)) continue;
    for (const complaint of rule.check?.(subject) ?? []) findings.add(name, complaint);
  }
}
