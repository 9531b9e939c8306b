import { describe, expect, it } from 'vitest';
import { dialectOf } from './dialect.ts';
import { type HostFacts, kvmWarning } from './execution.ts';

const OLD = dialectOf('7.2.8r1');
const NEW = dialectOf('7.2.22r1');

function host(changes: Partial<HostFacts> = {}): HostFacts {
  return {
    hasDriver: true,
    hasVirtualization: true,
    kvmLoaded: true,
    kvmHoldsProcessor: true,
    ...changes,
  };
}

describe('KVM stands in the way', () => {
  it('of versions before 7.2.10 when it holds the processor', () => {
    expect(kvmWarning(host(), OLD)).toContain('modprobe -r');
    expect(kvmWarning(host({ kvmHoldsProcessor: false }), OLD)).toBeUndefined();
  });

  it('of later versions when it does not', () => {
    expect(kvmWarning(host(), NEW)).toBeUndefined();
    expect(kvmWarning(host({ kvmHoldsProcessor: false }), NEW)).toContain('enable_virt_at_load');
  });

  it('of none when it is not loaded, or when the host does not tell', () => {
    expect(kvmWarning(host({ kvmLoaded: false }), OLD)).toBeUndefined();
    expect(kvmWarning(undefined, OLD)).toBeUndefined();
  });
});
