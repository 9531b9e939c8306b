import { describe, expect, it } from 'vitest';
import { identifiersFor } from './identifiers.ts';

describe('identifiersFor', () => {
  it('gives the same for the same, and others for another', () => {
    expect(identifiersFor('a')).toEqual(identifiersFor('a'));
    const all = [...Object.values(identifiersFor('a')), ...Object.values(identifiersFor('b'))];
    expect(new Set(all).size).toBe(all.length);
  });

  it('gives UUIDs of version 8 and a FAT serial number', () => {
    const { espSerial, ...uuids } = identifiersFor('a');
    expect(espSerial).toMatch(/^[0-9a-f]{8}$/);
    for (const uuid of Object.values(uuids)) {
      expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });
});
