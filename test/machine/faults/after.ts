/**
 * Faults after the packages have been installed: each run starts from the build of somebody who has
 * built this appliance before, so it has not to wait for them.
 */
import { fillDisk, ownDiskWithCopy } from './disk-room.ts';
import type { FaultGroup, Resume } from './fault.ts';
import { EXPORTED_AGAIN, SAID, signalled } from './moments.ts';

/** A script that leaves nothing behind: the appliance is that of a build without it. */
const SCRIPT_MENDED: Resume = {
  manifest: ['scripts:', '  - name: create the database', "    run: 'true'"],
  says: /construct: done/,
  until: 'export',
  told: 'yes, once the script was mended, from the checkpoint after the packages',
};

export const afterInstallFaults: FaultGroup = {
  name: 'after the packages are installed',
  runs: [
    {
      from: 'finished',
      manifest: [
        'scripts:',
        '  - name: create the database',
        '    run: |',
        '      echo creating the database',
        '      echo "createdb: no such table: users" >&2',
        '      exit 3',
      ],
      faults: [
        {
          fault: 'a script of the manifest fails',
          when: 'construct, while scripts run',
          inject: ({ pvmc }) => pvmc.until(SAID.runningScripts),
          seen: {
            status: 7,
            code: 'script-failed',
            says: /exit status 3/,
            withinSeconds: 60,
            keeps: { 'guest/constructor.log': 'creating the database', 'screen.png': 'PNG' },
          },
        },
      ],
      resume: SCRIPT_MENDED,
    },
    {
      from: 'finished',
      manifest: ['scripts:', '  - name: wait for the network', '    run: sleep infinity'],
      arguments: ['build', '--timeout', 'construct=60s'],
      faults: [
        {
          fault: 'a script of the manifest hangs',
          when: 'construct, while scripts run',
          inject: ({ pvmc }) => pvmc.until(SAID.runningScripts),
          seen: { status: 6, code: 'time-limit', says: /not done within/, withinSeconds: 90 },
        },
      ],
    },
    {
      from: 'finished',
      manifest: [
        'scripts:',
        '  - name: reserve space',
        '    run: for i in 1 2 3 4 5 6 7 8 9; do fallocate -l 1G /var/reserve.$i; done',
      ],
      faults: [
        {
          fault: 'a script of the manifest fills the disk',
          when: 'construct, while scripts run',
          inject: ({ pvmc }) => pvmc.until(SAID.runningScripts),
          seen: { status: 7, code: 'script-failed', says: /exit status/, withinSeconds: 60 },
        },
      ],
    },
    {
      from: 'finished',
      through: ownDiskWithCopy('{folder}/out'),
      arguments: EXPORTED_AGAIN.arguments,
      faults: [
        {
          fault: 'the disk of the output folder fills up while the appliance is exported',
          when: 'export',
          inject: async (bench) => {
            await bench.pvmc.until(SAID.exporting);
            fillDisk(bench, 20_000);
          },
          seen: { status: 4, code: 'output-full', says: /full/, withinSeconds: 120 },
        },
      ],
    },
    {
      ...EXPORTED_AGAIN,
      faults: [
        {
          fault: 'Ctrl-C while the appliance is exported',
          when: 'export',
          inject: signalled('SIGINT', SAID.exporting, 1),
          seen: {
            status: 130,
            code: '',
            says: /stopped by Ctrl-C during export/,
            withinSeconds: 15,
          },
        },
      ],
    },
  ],
};
