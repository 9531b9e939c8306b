import { describe, expect, it } from 'vitest';
import { credentialStrings } from './credentials.ts';

describe('credentials', () => {
  it('become SMBIOS strings that hold any value', () => {
    expect(credentialStrings({ 'passwd.hashed-password.root': 'a=b\n', x: 'ü' })).toEqual([
      'io.systemd.credential.binary:passwd.hashed-password.root=YT1iCg==',
      'io.systemd.credential.binary:x=w7w=',
    ]);
    expect(credentialStrings({})).toEqual([]);
  });

  it('are refused with a name that would end early, or when they do not fit', () => {
    const invalid = expect.objectContaining({ code: 'credential-invalid' });
    expect(() => credentialStrings({ 'a=b': 'x' })).toThrow(invalid);
    expect(() => credentialStrings({ '../x': 'x' })).toThrow(invalid);
    expect(() => credentialStrings({ x: 'x'.repeat(40_000) })).toThrow(invalid);
  });
});
