/** Faults that are met before there is a guest: of the repository, and of this computer. */
import { appendFile } from 'node:fs/promises';
import type { Bench } from './bench.ts';
import { fillDisk, ownDisk } from './disk-room.ts';
import type { Ends, FaultGroup, FaultyRun } from './fault.ts';
import { garbling, refusing, SAID, signalled, silent } from './moments.ts';
import type { Misbehaviour } from './workshop.ts';

const NOT_READY: Ends = {
  status: 4,
  code: 'not-ready',
  says: /keeps builds from running/,
  withinSeconds: 30,
};

const READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';

/** Another pvmc asks the same repository, is given no answer, and so holds the lock for a while. */
async function anotherReader(bench: Bench): Promise<void> {
  const asked = bench.workshop.misbehave(/Release/, silent);
  await Promise.race([asked, bench.start(['check']).ended]);
  bench.workshop.behave();
}

function whenAsked(path: RegExp, act: Misbehaviour): Pick<FaultyRun['faults'][0], 'inject'> {
  return { inject: ({ workshop }) => workshop.misbehave(path, act) };
}

export const repositoryFaults: FaultGroup = {
  name: 'the repository, as the host sees it',
  runs: [
    {
      everyTime: true,
      faults: [
        {
          fault: 'the repository answers 404',
          when: 'media, while packages are resolved',
          ...whenAsked(/Release/, refusing(404)),
          seen: { status: 5, code: 'suite-not-found', says: /does not exist/, withinSeconds: 30 },
        },
      ],
    },
    {
      everyTime: true,
      faults: [
        {
          fault: 'the repository answers 500',
          when: 'media, while packages are resolved',
          ...whenAsked(/Release/, refusing(500)),
          seen: { status: 5, code: 'repository-refused', says: /refuses: 500/, withinSeconds: 30 },
        },
      ],
    },
    {
      everyTime: true,
      prepare: ({ workshop }) => workshop.tidy({ validDays: -3 }),
      faults: [
        {
          fault: 'the Release file is past its Valid-Until',
          when: 'media, while packages are resolved',
          inject: ({ pvmc }) => pvmc.until(SAID.resolving),
          seen: {
            status: 5,
            code: 'repository-expired',
            says: /is out of date/,
            withinSeconds: 30,
          },
        },
      ],
    },
    {
      everyTime: true,
      faults: [
        {
          fault: 'an index does not have the hash that is signed',
          when: 'media, while packages are resolved',
          ...whenAsked(/Packages/, garbling),
          seen: {
            status: 5,
            code: 'repository-hash-mismatch',
            says: /does not match its signed index/,
            withinSeconds: 30,
          },
        },
      ],
    },
    {
      everyTime: true,
      faults: [
        {
          fault: 'the repository takes a request and never answers',
          when: 'media, while packages are resolved',
          ...whenAsked(/Release/, silent),
          seen: {
            status: 5,
            code: 'repository-not-answering',
            says: /does not answer/,
            withinSeconds: 90,
          },
        },
      ],
    },
  ],
};

export const hostFaults: FaultGroup = {
  name: 'this computer',
  runs: [
    {
      everyTime: true,
      through: ['unshare', '-Urm', 'sh', '-c', READ_ONLY, '{folder}/out'],
      faults: [
        {
          fault: 'the output folder cannot be written to',
          when: 'before the stage media',
          inject: () => Promise.resolve(),
          seen: NOT_READY,
        },
      ],
    },
    {
      everyTime: true,
      prepare: ({ appliancePath }) =>
        appendFile(appliancePath, 'and what somebody else made of it\n'),
      faults: [
        {
          fault: 'a file of somebody else’s has the appliance’s name',
          when: 'before the stage media',
          inject: () => Promise.resolve(),
          seen: { status: 4, code: 'output-exists', says: /was changed since/, withinSeconds: 30 },
        },
      ],
    },
    {
      everyTime: true,
      prepare: anotherReader,
      faults: [
        {
          fault: 'another pvmc reads the same repository',
          when: 'media, while packages are resolved',
          inject: ({ pvmc }) => pvmc.until(SAID.resolving),
          seen: { goesOn: /Waiting for another pvmc.*/, withinSeconds: 30 },
        },
        {
          fault: 'Ctrl-C while the ISO is written',
          when: 'media',
          inject: signalled('SIGINT', SAID.writingIso),
          seen: {
            status: 130,
            code: '',
            says: /stopped by Ctrl-C during media/,
            withinSeconds: 15,
          },
        },
      ],
    },
    {
      everyTime: true,
      through: ownDisk('{folder}/out', '300m'),
      faults: [
        {
          fault: 'the disk of the output folder has too little room for a build',
          when: 'media, when the packages are resolved',
          inject: ({ pvmc }) => pvmc.until(SAID.resolving),
          seen: NOT_READY,
        },
      ],
    },
    {
      everyTime: true,
      through: ownDisk('{folder}/out'),
      faults: [
        {
          fault: 'the disk of the output folder fills up while the ISO is written',
          when: 'media',
          inject: async (bench) => {
            await bench.pvmc.until(SAID.writingIso);
            fillDisk(bench);
          },
          seen: { status: 4, code: 'no-space', says: /no space is left/, withinSeconds: 30 },
        },
      ],
    },
    {
      everyTime: true,
      through: ownDisk('{cache}/repositories', '4m'),
      faults: [
        {
          fault: 'the disk of the cache is full',
          when: 'media, while packages are resolved',
          inject: ({ pvmc }) => pvmc.until(SAID.resolving),
          seen: { status: 4, code: 'no-space', says: /space/, withinSeconds: 60 },
        },
      ],
    },
    {
      everyTime: true,
      manifest: ['machine:', '  memory: 1000 GiB'],
      faults: [
        {
          fault: 'this computer has not the memory that the machine wants',
          when: 'before the stage media',
          inject: () => Promise.resolve(),
          seen: NOT_READY,
        },
      ],
    },
  ],
};
