/** UEFI for QEMU: the firmware's code, shared, and the variables, of which each machine gets a copy. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { PvmcError } from '../../system/error.ts';

export interface UefiFirmware {
  readonly codePath: string;
  /** The template of the variables; to be copied. */
  readonly variablesPath: string;
}

/** Debian, Ubuntu; Fedora; Arch, in this order. Without Secure Boot: it would need SMM and our own keys. */
const CANDIDATES: readonly UefiFirmware[] = [
  pair('/usr/share/OVMF', 'OVMF_CODE_4M.fd', 'OVMF_VARS_4M.fd'),
  pair('/usr/share/OVMF', 'OVMF_CODE.fd', 'OVMF_VARS.fd'),
  pair('/usr/share/edk2/ovmf', 'OVMF_CODE.fd', 'OVMF_VARS.fd'),
  pair('/usr/share/edk2/x64', 'OVMF_CODE.4m.fd', 'OVMF_VARS.4m.fd'),
];

/**
 * Looks for UEFI firmware on this host.
 * @throws PvmcError `uefi-firmware-missing`.
 */
export async function findUefiFirmware(
  candidates: readonly UefiFirmware[] = CANDIDATES,
): Promise<UefiFirmware> {
  for (const candidate of candidates) {
    if ((await exists(candidate.codePath)) && (await exists(candidate.variablesPath)))
      return candidate;
  }
  throw new PvmcError({
    kind: 'host',
    code: 'uefi-firmware-missing',
    message: 'the UEFI firmware for QEMU (OVMF) is not installed',
    hint: 'Install it: sudo apt install ovmf. Or set `firmware: bios` for the machine.',
    details: candidates.map(({ codePath }) => `looked for ${codePath}`),
  });
}

function pair(folder: string, code: string, variables: string): UefiFirmware {
  return { codePath: join(folder, code), variablesPath: join(folder, variables) };
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
