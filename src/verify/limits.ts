/** How long verify waits. A limit is for what hangs, not for what is slow. */
import type { Speed } from '../hypervisors/hypervisor.ts';

export interface VerifyLimits {
  /** From power-on until the system says that it is up, under each firmware. */
  readonly bootSeconds: number;
  /** How long neither the console nor the probe may say anything meanwhile. */
  readonly silenceSeconds: number;
  /** For each check of the manifest. */
  readonly checkSeconds: number;
  /** From the press of the power button until the machine is off. */
  readonly powerOffSeconds: number;
  /** How long nothing is heard after the console shows the end of it, until that is believed. */
  readonly stuckSeconds: number;
}

const USUAL: VerifyLimits = {
  bootSeconds: 300,
  silenceSeconds: 120,
  checkSeconds: 30,
  powerOffSeconds: 100,
  stuckSeconds: 15,
};

/** In an interpreter the quarter of an hour until the kernel speaks is the rule, on a busy computer it is an hour. */
const INTERPRETED: VerifyLimits = {
  bootSeconds: 8 * 3600,
  silenceSeconds: 2 * 3600,
  checkSeconds: 1800,
  powerOffSeconds: 2 * 3600,
  stuckSeconds: 1800,
};

/**
 * In software a Debian system is up after two minutes, three quarters of a minute of which pass
 * without a word: the boot loader, the kernel and its initramfs are quiet.
 */
const EMULATED: VerifyLimits = {
  bootSeconds: 900,
  silenceSeconds: 300,
  checkSeconds: 120,
  powerOffSeconds: 240,
  stuckSeconds: 45,
};

/** The caller's limits, then those that suit the speed of the machine. */
export function verifyLimits(speed: Speed, chosen: Partial<VerifyLimits> = {}): VerifyLimits {
  const slow = speed.interpreted === true ? INTERPRETED : EMULATED;
  return { ...(speed.available ? USUAL : slow), ...chosen };
}
