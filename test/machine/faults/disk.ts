/** Faults of the machine's disk and of what it is stored on. */

import { fillDisk, ownDisk } from './disk-room.ts';
import type { FaultGroup } from './fault.ts';
import { holdFetch, SAID, typed, WHILE_FETCHING } from './moments.ts';

export const diskFaults: FaultGroup = {
  name: 'the machine’s disk',
  runs: [
    {
      through: ownDisk('{folder}/out'),
      faults: [
        {
          fault: 'the host’s disk fills up under the machine’s',
          when: WHILE_FETCHING,
          inject: async (bench) => {
            await bench.pvmc.until(SAID.fetching);
            fillDisk(bench, 1024);
          },
          seen: {
            status: 6,
            code: 'machine-disk-error',
            says: /no space is left/,
            withinSeconds: 120,
          },
        },
      ],
    },
    {
      qemu: {
        replace: {
          '"discard":"unmap","file":{':
            '"discard":"unmap","file":{"driver":"blkdebug","inject-error":[{"event":"pwritev","iotype":"write","errno":5}],"image":{',
          '"discard":"unmap"}}': '"discard":"unmap"}}}',
        },
      },
      faults: [
        {
          fault: 'the host cannot write to the machine’s disk (EIO)',
          when: 'construct, while the disk is partitioned',
          inject: ({ pvmc }) => pvmc.until(SAID.booted),
          seen: { status: 6, code: 'machine-disk-error', says: /failed/, withinSeconds: 60 },
        },
      ],
    },
    {
      prepare: holdFetch,
      faults: [
        {
          fault: 'the disk is full in the guest',
          ...typed('fallocate -l 3g /run/pvmc/scratch/x; fallocate -l 1g /run/pvmc/scratch/y'),
          seen: { status: 7, code: 'disk-full', says: /disk is full/, withinSeconds: 60 },
        },
      ],
    },
    {
      prepare: holdFetch,
      faults: [
        {
          fault: 'the disk vanishes in the guest',
          ...typed('echo 1 > /sys/block/vda/device/../remove'),
          seen: {
            status: 7,
            code: 'guest-disk-lost',
            says: /no longer there|read-only now/,
            withinSeconds: 60,
          },
        },
      ],
    },
    {
      prepare: holdFetch,
      faults: [
        {
          fault: 'the disk becomes read-only in the guest',
          ...typed('blockdev --setro /dev/vda'),
          seen: {
            status: 7,
            code: 'guest-disk-read-only',
            says: /no longer there|read-only now/,
            withinSeconds: 60,
          },
        },
      ],
    },
  ],
};
