/** How the steps and checks of a boot are called. */
import type { Firmware } from '../hypervisors/hypervisor.ts';

export interface BootNames {
  readonly bootStep: string;
  readonly bootTitle: string;
  readonly checksStep: string;
  readonly checksTitle: string;
  readonly powerOffStep: string;
  readonly powerOffTitle: string;
  /** Names of checks, as the report has them. */
  readonly boot: string;
  readonly powerOff: string;
  readonly check: (title: string) => string;
}

export function bootNames(firmware: Firmware): BootNames {
  const label = { bios: 'BIOS', uefi: 'UEFI' }[firmware];
  return {
    bootStep: `${firmware}-boot`,
    bootTitle: `Boot under ${label}`,
    checksStep: `${firmware}-checks`,
    checksTitle: `Run the checks under ${label}`,
    powerOffStep: `${firmware}-power-off`,
    powerOffTitle: `Press the power button under ${label}`,
    boot: `boots under ${label}`,
    powerOff: `powers off when asked, under ${label}`,
    check: (title) => `${title}, under ${label}`,
  };
}
