/**
 * VirtualBox: not needed unless it is asked for, but who has it wants to know whether it can start
 * machines, which depends on its driver and on how it lives with KVM.
 */
import { dialectOf } from '../../hypervisors/virtualbox/dialect.ts';
import {
  factsOfHost,
  type HostFacts,
  type HostPlaces,
  kvmConflict,
} from '../../hypervisors/virtualbox/execution.ts';
import { findVBoxManage } from '../../hypervisors/virtualbox/locate.ts';
import { PvmcError } from '../../system/error.ts';
import { run } from '../../system/run.ts';
import { absent, type Check, type Finding, ok, warning } from '../finding.ts';
import { type Who, whoRunsUs } from '../who.ts';

export function virtualBox(places: HostPlaces = {}): Check {
  return {
    name: 'VirtualBox',
    ifItHangs: 'warning',
    look: async (signal) => {
      const program = await findVBoxManage().catch(() => undefined);
      if (program === undefined) return [absent('not installed, and not needed')];
      try {
        const dialect = dialectOf((await run([program, '--version'], { signal })).stdout);
        const facts = await factsOfHost(places);
        const who = await whoRunsUs();
        const conflict = facts && kvmConflict(facts, dialect);
        return [
          ok(dialect.version),
          ...(facts?.hasDriver === false ? [driverFinding(who)] : []),
          ...(facts && conflict ? [kvmFinding(conflict, facts, who)] : []),
        ];
      } catch (thrown) {
        if (!(thrown instanceof PvmcError)) throw thrown;
        return [warning(thrown.message, { advice: thrown.hint })];
      }
    },
  };
}

function driverFinding({ asRoot }: Who): Finding {
  return warning('its kernel driver is not loaded: its machines do not start', {
    advice:
      'Where there is none for this kernel, install linux-headers-amd64 and virtualbox-dkms first.',
    commands: [asRoot('modprobe vboxdrv')],
  });
}

function kvmFinding(
  conflict: NonNullable<ReturnType<typeof kvmConflict>>,
  { kvmModule }: HostFacts,
  { asRoot }: Who,
): Finding {
  const reload = `modprobe -r ${kvmModule} kvm && modprobe ${kvmModule}`;
  switch (conflict) {
    case 'held':
      return warning(
        'KVM holds the processor from when it is loaded, and VirtualBox starts no machine',
        {
          advice:
            'KVM keeps working with this option, and takes the processor only while it runs a machine.',
          commands: [
            asRoot(
              `echo options kvm enable_virt_at_load=0 >/etc/modprobe.d/kvm-and-virtualbox.conf && ${reload}`,
            ),
          ],
        },
      );
    case 'switched-off':
      return warning(
        'KVM is loaded with enable_virt_at_load=0, with which VirtualBox from 7.2.10 on starts no machine',
        {
          advice: 'Remove that option where it is set, then load KVM again.',
          commands: [
            'grep -rs enable_virt_at_load /etc/modprobe.d /usr/lib/modprobe.d /proc/cmdline',
            asRoot(reload),
          ],
        },
      );
  }
}
