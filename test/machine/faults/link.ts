/** Faults of the serial line on which guest and host speak. */
import type { Fault, FaultGroup } from './fault.ts';
import { garbling, holdFetch, WHILE_FETCHING, whileFetching } from './moments.ts';

export const linkFaults: FaultGroup = {
  name: 'the link between guest and host',
  runs: [
    {
      everyTime: true,
      arguments: ['build', '--verbose'],
      prepare: holdFetch,
      // What the constructor says of each broken download proves that it is still heard.
      faults: [
        noise('garbage on the link', 'head -c 99999 /dev/urandom > /dev/ttyS1', 1),
        noise('half a line on the link', "printf '\\036pvmc1 12' > /dev/ttyS1", 2),
        noise('a flood on the link', 'yes | head -c 2000000 > /dev/ttyS1', 3),
        {
          fault: 'a package does not have the hash that was pinned',
          when: WHILE_FETCHING,
          // The last attempt, which the third noise has left.
          inject: ({ workshop }) => workshop.misbehave(/\.deb$/, garbling),
          seen: {
            status: 7,
            code: 'package-digest',
            says: /is not the file that was pinned/,
            withinSeconds: 60,
          },
        },
      ],
    },
  ],
};

function noise(fault: string, command: string, attempt: number): Fault {
  return {
    fault,
    when: WHILE_FETCHING,
    inject: async (bench) => {
      await whileFetching(bench);
      await bench.qemu.type(command);
      await bench.workshop.cut();
    },
    seen: { goesOn: new RegExp(`trying again \\(${attempt} of \\d+\\)`), withinSeconds: 60 },
  };
}
