import { describe, expect, it } from 'vitest';
import { dialectOf } from './dialect.ts';
import { type HostFacts, kvmWarning } from './execution.ts';

const OLD = dialectOf('7.2.8r1');
const NEW = dialectOf('7.2.22r1');

function host(changes: Partial<HostFacts> = {}): HostFacts {
  return {
    hasDriver: true,
    hasVirtualization: true,
    kvmModule: 'kvm_intel',
    kvmHoldsProcessor: true,
    kvmCanBeAsked: true,
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

  it('of later versions, too, when it holds the processor and cannot be asked for it', () => {
    const older = { kvmCanBeAsked: false };
    expect(kvmWarning(host(older), NEW)).toContain('modprobe -r');
    expect(kvmWarning(host({ ...older, kvmHoldsProcessor: false }), NEW)).toBeUndefined();
  });

  it('of none when it is not loaded, or when the host does not tell', () => {
    expect(kvmWarning(host({ kvmModule: undefined }), OLD)).toBeUndefined();
    expect(kvmWarning(undefined, OLD)).toBeUndefined();
  });
});
