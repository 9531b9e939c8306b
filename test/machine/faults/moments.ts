/** When and how faults are made: the words to wait for, and what several faults have in common. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import type { Fault, FaultyRun } from './fault.ts';
import type { Misbehaviour } from './workshop.ts';

/** Words of the plain output. */
export const SAID = {
  resolving: /media: step 1 of \d+: /,
  makingBase: /media: step 2 of \d+: /,
  writingIso: /media: step 3 of \d+: /,
  mediaDone: /media: done/,
  booting: /boot: Boot the constructor/,
  booted: /boot: done/,
  partitioning: /construct: step \d+ of \d+: Partition/,
  fetching: /construct: step \d+ of \d+: Fetch the packages/,
  runningScripts: /construct: step \d+ of \d+: Run the scripts/,
  makingInitramfs: /construct: step \d+ of \d+: Make the initramfs/,
  exporting: /export: Export the appliance/,
  verifying: /verify: Verify the export/,
  bootstrapping: /construct: step \d+ of \d+: Lay down/,
} as const;

/** Export alone, of a build that has been constructed; and once more. */
export const EXPORTED_AGAIN: Omit<FaultyRun, 'faults'> & Required<Pick<FaultyRun, 'arguments'>> = {
  from: 'finished',
  arguments: ['build', '--from', 'export', '--no-verify'],
  resume: {
    says: /export: done/,
    until: 'export',
    told: 'yes, with export; the OVA is the same to the bit',
  },
};

/** pvmc gets a signal, so many seconds after it has said this. */
export function signalled(signal: NodeJS.Signals, said: RegExp, seconds = 0): Fault['inject'] {
  return async ({ pvmc }) => {
    await pvmc.until(said);
    await sleep(seconds * 1000);
    pvmc.kill(signal);
  };
}

/** Where a run is whose package does not come. */
export const WHILE_FETCHING = 'construct, while packages are fetched';

/** A server that takes a request and never answers it. */
export const silent: Misbehaviour = () => {};

export function refusing(status: number): Misbehaviour {
  return (response) => {
    response.writeHead(status).end();
  };
}

/** Whatever is asked for, something else of the same kind comes. */
export const garbling: Misbehaviour = (response) => {
  response.writeHead(200, { 'content-length': 8 }).end('garbage\n');
};

/** The first bytes of something long, and then nothing more. */
export const breakingOff: Misbehaviour = (response) => {
  response.writeHead(200, { 'content-length': 1e6 }).write('x'.repeat(1000));
};

/** Our package's server is silent: so the step `fetch` lasts until the fault comes. */
export async function holdFetch({ workshop }: Bench): Promise<void> {
  void workshop.misbehave(/\.deb$/, silent);
}

/** The moment at which the constructor fetches packages, and somebody sits at the second screen. */
export async function whileFetching(bench: Bench): Promise<void> {
  await bench.pvmc.until(SAID.fetching);
  await sitDown(bench);
}

const LOOK_MILLISECONDS = 5000;

/** Asks the shell of the guest's second screen for a word on its console until it gives it. */
async function sitDown(bench: Bench): Promise<void> {
  while (!(await bench.consoleLog()).includes('somebody is here')) {
    if (bench.pvmc.over) throw new Error(`ended before its time:\n${bench.pvmc.screen}`);
    await bench.qemu.type('echo somebody is here > /dev/ttyS0');
    await sleep(LOOK_MILLISECONDS);
  }
}

/** Somebody types a command into the guest while it fetches packages. */
export function typed(command: string): Pick<Fault, 'when' | 'inject'> {
  return {
    when: WHILE_FETCHING,
    inject: async (bench) => {
      await whileFetching(bench);
      await bench.qemu.type(command);
    },
  };
}
