/** A resolution as the repository gives it, made by hand: no network. */
import type { ResolvedPackage } from '../manifest/installation-manifest.ts';
import type { Resolution } from '../repository/resolve.ts';

const MIB = 2 ** 20;

function resolved(name: string, batch: number, digit: string): ResolvedPackage {
  return {
    name,
    version: '1.0-1',
    architecture: 'amd64',
    url: `https://deb.debian.org/debian/pool/main/${name}_1.0-1_amd64.deb`,
    sizeBytes: MIB,
    sha256: digit.repeat(64),
    installedBytes: 3 * MIB,
    batch,
  };
}

export const RESOLUTION: Resolution = {
  packages: [resolved('libc6', 0, 'a'), resolved('nginx', 1, 'b')],
  totals: { packageCount: 2, downloadBytes: 2 * MIB, installedBytes: 6 * MIB },
  sources: {
    text: 'Types: deb\n',
    keyrings: [{ path: '/etc/apt/keyrings/extra-1.asc', armored: 'a key\n' }],
  },
};
