/** Faults of the repository and the network, as the guest meets them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultGroup } from './fault.ts';
import {
  breakingOff,
  holdFetch,
  refusing,
  SAID,
  WHILE_FETCHING,
  whileFetching,
} from './moments.ts';
import type { Misbehaviour } from './workshop.ts';

/** Comes at last, but byte by byte at first. */
const trickling: Misbehaviour = (response) => {
  response.writeHead(200, { 'content-length': 1e6 });
  const timer = setInterval(() => response.write('x'), 1000);
  response.once('close', () => clearInterval(timer));
};

export const networkFaults: FaultGroup = {
  name: 'the repository and the network, as the guest meets them',
  runs: [
    {
      prepare: holdFetch,
      arguments: ['build', '--verbose'],
      faults: [
        {
          fault: 'a download is cut off in its middle',
          when: WHILE_FETCHING,
          inject: async ({ pvmc, workshop }) => {
            await pvmc.until(SAID.fetching);
            const begun = workshop.misbehave(/\.deb$/, breakingOff);
            await workshop.cut();
            await begun;
            await sleep(1000);
            await workshop.cut();
          },
          seen: { goesOn: /trying again \(2 of \d+\)/, withinSeconds: 30 },
        },
        {
          fault: 'the repository no longer has a package',
          when: WHILE_FETCHING,
          inject: async ({ workshop }) => {
            const asked = workshop.misbehave(/\.deb$/, refusing(404));
            await asked;
          },
          seen: { status: 7, code: 'package-gone', says: /HTTP status 404/, withinSeconds: 30 },
        },
      ],
    },
    {
      prepare: holdFetch,
      faults: [
        {
          fault: 'the repository fails with 500 again and again',
          when: WHILE_FETCHING,
          inject: async ({ pvmc, workshop }) => {
            await pvmc.until(SAID.fetching);
            await workshop.cut();
            await workshop.misbehave(/\.deb$/, refusing(500));
          },
          seen: {
            status: 7,
            code: 'repository-refused',
            says: /HTTP status 500/,
            withinSeconds: 60,
          },
        },
      ],
    },
    {
      everyTime: true,
      prepare: holdFetch,
      arguments: ['build', '--verbose'],
      faults: [
        {
          fault: 'the network’s plug is pulled',
          when: WHILE_FETCHING,
          inject: async ({ pvmc, qemu }) => {
            await pvmc.until(SAID.fetching);
            await qemu.execute('set_link', { name: 'nat', up: false });
          },
          seen: {
            status: 7,
            code: 'guest-network-lost',
            says: /has lost its network/,
            withinSeconds: 60,
          },
        },
      ],
    },
    {
      qemu: { add: ['-rtc', 'base=2001-02-03T04:05:06'] },
      prepare: ({ workshop }) => {
        void workshop.misbehave(/\.deb$/, trickling);
        return Promise.resolve();
      },
      faults: [
        {
          fault: 'the guest’s clock is in the year 2001',
          when: 'boot',
          inject: ({ pvmc }) => pvmc.until(SAID.booting),
          seen: { goesOn: SAID.fetching, withinSeconds: 900 },
        },
        {
          fault: 'the repository sends a byte a second',
          when: WHILE_FETCHING,
          inject: async (bench) => {
            await whileFetching(bench);
            bench.workshop.behave();
            await bench.workshop.cut();
          },
          seen: { goesOn: SAID.bootstrapping, withinSeconds: 300 },
        },
        {
          fault: 'QEMU is killed',
          when: 'construct, while packages are laid down',
          inject: async (bench) => {
            process.kill(await bench.qemuProcess(), 'SIGKILL');
          },
          seen: {
            status: 6,
            code: 'machine-ended',
            says: /was ended from outside/,
            withinSeconds: 20,
          },
        },
      ],
    },
  ],
};
