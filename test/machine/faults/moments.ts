/** When and how faults are made: the words to wait for, and what several faults have in common. */
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
