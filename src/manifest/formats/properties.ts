/** Names of OVF properties. */
import type { TextCheck } from '../field.ts';
import { quote } from '../quote.ts';
import { didYouMean } from '../suggest.ts';

/** What the appliance itself knows how to do. */
export const READY_MADE = ['hostname', 'network', 'ssh-key', 'password'] as const;

export type ReadyMade = (typeof READY_MADE)[number];

/** The keys that `network` becomes in the descriptor. */
export const NETWORK_KEYS = ['address', 'gateway', 'dns'] as const;

export const PROPERTY_NAME = /^[a-z](?:-?[a-z0-9]){0,62}$/;

export function isReadyMade(name: string): name is ReadyMade {
  return READY_MADE.some((known) => known === name);
}

/** One that is written alone, or without a type. */
export const readyMadeName: TextCheck = (name) => {
  if (isReadyMade(name)) return undefined;
  const known = `ready-made are ${READY_MADE.slice(0, -1).join(', ')} and ${READY_MADE.at(-1)}`;
  if (NETWORK_KEYS.some((key) => key === name)) {
    return { message: `${quote(name)} is a part of the property network`, hint: 'write network' };
  }
  return {
    message: `${quote(name)} is not a ready-made property`,
    hint:
      didYouMean(name, READY_MADE) ??
      `${known}\none of your own has a type: {name: ${PROPERTY_NAME.test(name) ? name : 'title'}, type: string}`,
  };
};

export const propertyName: TextCheck = (name) => {
  if (!PROPERTY_NAME.test(name)) {
    return {
      message: `${quote(name)} is not a name for a property`,
      hint: 'use lower-case letters, digits and single dashes between them (at most 64), starting with a letter',
    };
  }
  return NETWORK_KEYS.some((key) => key === name)
    ? {
        message: `${quote(name)} is a part of the property network`,
        hint: 'write network, or choose another name for a property of your own',
      }
    : undefined;
};
