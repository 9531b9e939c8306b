/** The state of a machine as VBoxManage tells it. */
import { parseMachineReadable } from './machine-readable.ts';
import { ManageFailure, type ManageOptions, type VBoxManage } from './vboxmanage.ts';

/** `on` is anything in which a process still runs the machine, also on its way up or down. */
export type PowerState = 'on' | 'off' | 'aborted' | 'saved' | 'gone';

/** `machine` is its UUID or its name. `gone`: there is no such machine (any more). */
export async function powerStateOf(
  manage: VBoxManage,
  machine: string,
  options: ManageOptions = {},
): Promise<PowerState> {
  try {
    const info = await machineInfo(manage, machine, options);
    return POWER_STATES[info.get('VMState') ?? ''] ?? 'on';
  } catch (thrown) {
    if (isNotFound(thrown)) return 'gone';
    throw thrown;
  }
}

const POWER_STATES: Readonly<Record<string, PowerState>> = {
  poweroff: 'off',
  aborted: 'aborted',
  'aborted-saved': 'aborted',
  saved: 'saved',
  teleported: 'off',
};

/** All that `showvminfo` says, by its own names: a hundred lines that would only fill a log. */
export async function machineInfo(
  manage: VBoxManage,
  machine: string,
  { signal }: ManageOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const { stdout } = await manage.run(['showvminfo', machine, '--machinereadable'], { signal });
  return parseMachineReadable(stdout);
}

export function isNotFound(thrown: unknown): boolean {
  return thrown instanceof ManageFailure && thrown.says(/VBOX_E_OBJECT_NOT_FOUND/);
}
