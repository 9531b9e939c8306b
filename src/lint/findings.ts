/** Collects what is found, and bounds it: a hostile file can be wrong in a million places. */
import type { Fault, Place } from '../appliance/broken.ts';
import { plainText } from '../system/plain-text.ts';
import type { Complaint, Repair } from './rule.ts';
import { type NamedRule, RULES, type RuleName, ruleNamed } from './rules.ts';

export interface Finding {
  readonly rule: NamedRule;
  readonly message: string;
  readonly details: readonly string[];
  readonly place: Place;
  /** Whether `--fix` mends this one: as its rule says, or as the rest of the file allows. */
  readonly repair: Repair;
  /** How many more of this rule there are in the same file, which are not listed. */
  readonly more: number;
}

/** Of one rule in one file of the package. */
const MOST_OF_ONE_KIND = 5;

export class Findings {
  readonly #found: Finding[] = [];

  /** What a reader has found, under its own name or under another rule's. */
  addFault(fault: Fault, name: RuleName = fault.fault): void {
    this.add(name, { message: fault.message, place: fault.place }, fault.details);
  }

  add(name: RuleName, { message, place }: Complaint, details: readonly string[] = []): void {
    const alike = this.of(name, place.member);
    const last = alike.at(-1);
    if (last && alike.length >= MOST_OF_ONE_KIND) {
      this.#found[this.#found.indexOf(last)] = { ...last, more: last.more + 1 };
      return;
    }
    const { repair } = RULES[name];
    const rule = ruleNamed(name);
    this.#found.push({ rule, message: plainText(message), details, place, repair, more: 0 });
  }

  /** Those of a rule in one file. */
  of(name: RuleName, member: string | undefined): readonly Finding[] {
    return this.#found.filter((one) => one.rule.name === name && one.place.member === member);
  }

  /** Decides otherwise than the rule whether something is mended. */
  decide(finding: Finding, repair: Repair): void {
    const index = this.#found.indexOf(finding);
    if (index >= 0) this.#found[index] = { ...finding, repair };
  }

  /** In the order of the rules' numbers. */
  all(): readonly Finding[] {
    return this.#found.toSorted((one, other) => numberOf(one) - numberOf(other));
  }
}

function numberOf({ rule }: Finding): number {
  return Number(rule.number.slice(1));
}
