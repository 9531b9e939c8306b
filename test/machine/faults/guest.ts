/** Faults in the guest, made as somebody would who sits at its console. */
import type { FaultGroup, FaultyRun } from './fault.ts';
import { holdFetch, SAID, typed, WHILE_FETCHING } from './moments.ts';

export const guestFaults: FaultGroup = {
  name: 'the guest',
  runs: [
    {
      ...atTheConsole({
        fault: 'the guest’s kernel panics',
        ...typed('echo c > /proc/sysrq-trigger'),
        seen: { status: 6, code: 'guest-panicked', says: /panicked/, withinSeconds: 20 },
      }),
      everyTime: true,
    },
    atTheConsole({
      fault: 'the guest reboots instead of shutting down',
      ...typed('reboot -f'),
      seen: { status: 6, code: 'guest-reset', says: /reset itself/, withinSeconds: 20 },
    }),
    atTheConsole({
      fault: 'the guest powers off without a verdict',
      ...typed('poweroff -f'),
      seen: { status: 6, code: 'no-verdict', says: /without a verdict/, withinSeconds: 20 },
    }),
    atTheConsole({
      fault: 'the constructor is killed',
      ...typed('pkill -9 node'),
      seen: {
        status: 6,
        code: 'medium-gave-up',
        says: /ended without a verdict/,
        withinSeconds: 60,
      },
    }),
    {
      ...atTheConsole({
        fault: 'the constructor is stuck',
        ...typed('pkill -STOP node'),
        seen: {
          status: 6,
          code: 'silence-limit',
          says: /no word from the guest/,
          withinSeconds: 90,
        },
      }),
      everyTime: true,
      arguments: ['build', '--timeout', 'silence=45s'],
    },
    {
      prepare: holdFetch,
      faults: [
        {
          fault: 'QEMU is stopped (SIGSTOP)',
          when: WHILE_FETCHING,
          inject: async (bench) => {
            await bench.pvmc.until(SAID.fetching);
            process.kill(await bench.qemuProcess(), 'SIGSTOP');
          },
          seen: { status: 6, code: 'machine-stalled', says: /SIGSTOP/, withinSeconds: 30 },
        },
      ],
    },
  ],
};

function atTheConsole(fault: FaultyRun['faults'][0]): FaultyRun {
  return { prepare: holdFetch, faults: [fault] };
}
