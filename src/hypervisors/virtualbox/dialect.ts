/**
 * What the versions of VirtualBox say differently, by what they can do. Everything else is said in the
 * words of 6.1, which all later ones up to 7.2 still take.
 */
import { PvmcError } from '../../system/error.ts';

export interface Dialect {
  /** `7.2.22`. */
  readonly version: string;
  /** For `modifyvm`: a machine without sound. */
  readonly noAudio: readonly string[];
  /**
   * For `modifyvm`: the guest may reach what listens on the host's loopback, at 10.0.2.2, as a mirror of
   * packages may do. Version 7 forbids it unless told, older ones have no way to forbid it.
   */
  readonly hostReachable: readonly string[];
  /** From 7.2.10 on VirtualBox shares the processor with KVM, and needs KVM to have it switched on. */
  readonly sharesWithKvm: boolean;
}

const OLDEST = [6, 1, 0] as const;

/**
 * From what `VBoxManage --version` prints, which may have warnings before the version itself.
 * @throws PvmcError `virtualbox-too-old`, `virtualbox-broken`
 */
export function dialectOf(said: string): Dialect {
  const match = /^(\d+)\.(\d+)\.(\d+)\S*$/m.exec(said);
  if (!match) throw noVersion(said);
  const version = [Number(match[1]), Number(match[2]), Number(match[3])] as const;
  const atLeast = (...other: readonly [number, number, number]) => compare(version, other) >= 0;
  const name = version.join('.');
  if (!atLeast(...OLDEST)) throw tooOld(name);
  return {
    version: name,
    noAudio: atLeast(7, 0, 0) ? ['--audio-enabled', 'off'] : ['--audio', 'none'],
    hostReachable: atLeast(7, 0, 0) ? ['--natlocalhostreachable1', 'on'] : [],
    sharesWithKvm: atLeast(7, 2, 10),
  };
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (const [index, number] of one.entries()) {
    const difference = number - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function tooOld(version: string): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'virtualbox-too-old',
    message: `VirtualBox ${version} is too old`,
    hint: 'pvmc needs VirtualBox 6.1 or newer: https://www.virtualbox.org/wiki/Downloads has it.',
  });
}

function noVersion(said: string): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'virtualbox-broken',
    message: 'VBoxManage does not tell its version',
    hint: 'Does `VBoxManage --version` work? If not, install VirtualBox again.',
    details: said.split('\n').slice(0, 10),
  });
}
