/**
 * What the booted medium is to do. Chosen in the boot menu, which puts it on the kernel's command line,
 * or by the hypervisor, which hands it over as a systemd credential; the latter counts.
 */

/** Kernel parameter `pvmc.mode=MODE`, and the name of the system credential that holds a MODE. */
export const MODE_PARAMETER = 'pvmc.mode';

export interface Mode {
  readonly name: 'install' | 'diagnose' | 'show' | 'check';
  /** Its entry in the boot menu. */
  readonly title: string;
}

/** The first one is done unless another one is chosen. */
export const MODES: readonly Mode[] = [
  { name: 'install', title: 'Install: run the constructor' },
  { name: 'diagnose', title: 'Diagnose: start without the constructor' },
  { name: 'show', title: 'Show the installation manifest' },
  { name: 'check', title: 'Check the medium' },
];
