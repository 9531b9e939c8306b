/** A finding in one line, as compilers write theirs: place, severity, number, what. */
import type { Place } from '../appliance/broken.ts';
import type { Finding } from './findings.ts';

export function findingLine({ rule, place, message }: Finding): string {
  const where = placeText(place);
  return `${where === '' ? '' : `${where}: `}${rule.severity} ${rule.number} ${rule.name}: ${message}`;
}

/** `FILE:LINE:COLUMN`, `FILE, sector N`, `FILE, byte N`; empty when it is the whole file. */
export function placeText({ member, line, column, sector, offset }: Place): string {
  const numbers = [line, column].filter((number) => number !== undefined);
  if (member !== undefined && line !== undefined) return [member, ...numbers].join(':');
  const parts = [
    member,
    sector === undefined ? undefined : `sector ${sector}`,
    offset === undefined ? undefined : `byte ${offset}`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}
