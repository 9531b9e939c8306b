/** How long verify waits. A limit is for what hangs, not for what is slow. */

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
export function verifyLimits(
  accelerated: boolean,
  chosen: Partial<VerifyLimits> = {},
): VerifyLimits {
  return { ...(accelerated ? USUAL : EMULATED), ...chosen };
}
