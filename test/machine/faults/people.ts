/** Ctrl-C, and kills of the program itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ends, Fault, FaultGroup, FaultyRun, Resume } from './fault.ts';
import { EXPORTED_AGAIN, holdFetch, SAID, signalled, WHILE_FETCHING } from './moments.ts';

/** The medium is written again, which takes seconds. */
const BOOTED_AGAIN: Resume = {
  says: /boot: done/,
  until: 'words',
  told: 'yes, from the medium on',
};

const VERIFIED_AGAIN: Omit<FaultyRun, 'faults'> = {
  from: 'finished',
  arguments: ['build', '--from', 'verify'],
  resume: {
    arguments: ['build', '--resume'],
    says: SAID.verifying,
    until: 'words',
    told: 'yes, with verify',
  },
};

export const peopleFaults: FaultGroup = {
  name: 'Ctrl-C and kills',
  runs: [
    {
      everyTime: true,
      prepare: holdFetch,
      faults: [
        {
          fault: 'Ctrl-C while packages are fetched',
          when: WHILE_FETCHING,
          inject: signalled('SIGINT', SAID.fetching),
          seen: interrupted('construct', 15),
        },
      ],
    },
    ctrlC('machine', /machine: Configure/, { during: '(?:machine|start)' }),
    ctrlC('start', /start: Start/, { during: '(?:start|boot)' }),
    {
      everyTime: true,
      faults: [
        {
          fault: 'Ctrl-C while the guest boots',
          when: 'boot',
          inject: signalled('SIGINT', SAID.booting, 4),
          seen: interrupted('boot', 15),
        },
      ],
    },
    {
      everyTime: true,
      faults: [
        {
          fault: 'Ctrl-C twice',
          when: 'boot',
          inject: async ({ pvmc }) => {
            await pvmc.until(SAID.booting);
            await sleep(2000);
            pvmc.kill('SIGINT');
            // The second one would be lost in the first if that had not been taken yet.
            await pvmc.until(/press Ctrl-C again/);
            pvmc.kill('SIGINT');
          },
          seen: { status: 130, code: '', says: /^$/, withinSeconds: 3 },
        },
      ],
    },
    {
      everyTime: true,
      cache: 'empty',
      faults: [
        {
          fault: 'Ctrl-C while the medium’s system is made',
          when: 'media',
          inject: signalled('SIGINT', SAID.makingBase, 8),
          seen: interrupted('media', 30),
        },
      ],
    },
    {
      ...ctrlC('verify', SAID.verifying, { during: 'verify', seconds: 5 }),
      ...VERIFIED_AGAIN,
    },
    {
      ...killed('media', SAID.makingBase, 8),
      cache: 'empty',
      // The next run removes it.
      mayLeave: /^temporary file: pvmc-base-|^unfinished in the cache: /,
      resume: { says: SAID.mediaDone, until: 'words', told: 'yes, with media' },
    },
    { ...killed('machine', /machine: Configure/), resume: BOOTED_AGAIN },
    { ...killed('start', /start: Start/), resume: BOOTED_AGAIN },
    { ...killed('boot', SAID.booting, 5), everyTime: true, resume: BOOTED_AGAIN },
    {
      ...killed('construct', SAID.makingInitramfs),
      from: 'finished',
      arguments: ['build', '--from', 'construct', '--no-verify'],
      resume: {
        says: /construct: done/,
        until: 'export',
        told: 'yes, from the checkpoint after the packages; the OVA is the same to the bit',
      },
    },
    {
      ...killed('export', SAID.exporting, 1),
      ...EXPORTED_AGAIN,
    },
    {
      ...killed('verify', SAID.verifying, 5),
      ...VERIFIED_AGAIN,
    },
  ],
};

function interrupted(stage: string, withinSeconds: number): Ends {
  return {
    status: 130,
    code: '',
    says: new RegExp(`stopped by Ctrl-C during ${stage}`),
    withinSeconds,
  };
}

/** A stage that lasts a moment may be over when the signal comes: `during` has the next one, too. */
function ctrlC(
  stage: string,
  said: RegExp,
  { during, seconds = 0 }: { readonly during: string; readonly seconds?: number },
): FaultyRun {
  const fault: Fault = {
    fault: `Ctrl-C in the stage ${stage}`,
    when: stage,
    inject: signalled('SIGINT', said, seconds),
    seen: interrupted(during, 15),
  };
  return { faults: [fault] };
}

/** Nothing can be said then; nothing may be left. */
function killed(stage: string, said: RegExp, seconds = 0): FaultyRun {
  const fault: Fault = {
    fault: `kill -9 of pvmc in the stage ${stage}`,
    when: stage,
    inject: signalled('SIGKILL', said, seconds),
    seen: { status: null, code: '', says: /^$/, withinSeconds: 5 },
  };
  return { faults: [fault] };
}
