/** All rules. A reader's fault without a rule of its name does not type-check. */
import type { FaultName } from '../appliance/fault-names.ts';
import type { RuleText } from './rule.ts';
import { ARCHIVE_RULES } from './rules/archive.ts';
import { DESCRIPTOR_RULES } from './rules/descriptor.ts';
import { DISK_RULES } from './rules/disk.ts';
import { MANIFEST_RULES } from './rules/manifest.ts';

/** By name, in the order of their numbers. */
export const RULES = {
  ...ARCHIVE_RULES,
  ...MANIFEST_RULES,
  ...DESCRIPTOR_RULES,
  ...DISK_RULES,
} as const satisfies Readonly<Record<FaultName, RuleText>>;

export type RuleName = keyof typeof RULES;

export interface NamedRule extends RuleText {
  readonly name: RuleName;
}

export function ruleNamed(name: RuleName): NamedRule {
  return { name, ...RULES[name] };
}

export function allRules(): readonly NamedRule[] {
  return Object.keys(RULES).filter(isRuleName).map(ruleNamed);
}

export function isRuleName(name: string): name is RuleName {
  return name in RULES;
}
