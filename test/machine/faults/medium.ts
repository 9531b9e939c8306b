/** Faults of the medium, made on the ISO between its stage and the boot. */
import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../../support/repository-files.ts';
import type { Bench } from './bench.ts';
import type { Fault, FaultGroup } from './fault.ts';
import { SAID } from './moments.ts';

export const mediumFaults: FaultGroup = {
  name: 'the medium',
  runs: [
    {
      faults: [
        {
          fault: 'a file on the medium is damaged',
          ...onceWritten((iso) => replace(iso, 'var LINK_VERSION = 1;', 'var LINK_VERSION = ?;')),
          seen: {
            status: 6,
            code: 'medium-gave-up',
            says: /the medium is damaged/,
            withinSeconds: 300,
          },
        },
      ],
    },
    {
      faults: [
        {
          fault: 'the medium’s system is damaged',
          ...onceWritten(damageSystem),
          seen: { status: 6, code: 'medium-gave-up', says: /medium/, withinSeconds: 300 },
        },
      ],
    },
    {
      faults: [
        {
          fault: 'the medium’s system comes up as an emergency shell only',
          ...onceWritten((iso) => replace(iso, 'systemd.show_status=0', 'emergency'.padEnd(21))),
          seen: {
            status: 6,
            code: 'medium-gave-up',
            says: /the system of the medium did not come up/,
            withinSeconds: 300,
          },
        },
      ],
    },
    {
      faults: [
        {
          fault: 'the medium’s constructor is of another release',
          ...onceWritten(otherRelease),
          seen: {
            status: 6,
            code: 'link-foreign-version',
            says: /speaks version 2/,
            withinSeconds: 300,
          },
        },
      ],
    },
  ],
};

/** Before the machine has read it. */
function onceWritten(change: (iso: FileHandle) => Promise<void>): Pick<Fault, 'when' | 'inject'> {
  return {
    when: 'boot (the seconds are those of the boot until it is met)',
    inject: async (bench: Bench) => {
      await bench.pvmc.until(SAID.mediaDone);
      const iso = await open(await bench.mediumPath(), 'r+');
      try {
        await change(iso);
      } finally {
        await iso.close();
      }
    },
  };
}

const SECTOR_BYTES = 2048;

/** A part of the compressed system becomes zeros, as on a bad disc. */
async function damageSystem(iso: FileHandle): Promise<void> {
  const content = await contentOf(iso);
  // GRUB and the kernel know the magic word too, but not at the beginning of a sector.
  let at = content.indexOf('hsqs');
  while (at > 0 && at % SECTOR_BYTES !== 0) at = content.indexOf('hsqs', at + 1);
  if (at < 0) throw new Error('there is no squashfs on the medium');
  await iso.write(Buffer.alloc(16 * 2 ** 20), 0, undefined, at + 2 ** 20);
}

/** The constructor speaks another version of the link, and the medium's list of digests knows it. */
async function otherRelease(iso: FileHandle): Promise<void> {
  const ours = await readFile(join(ROOT, 'dist/constructor.js'), 'utf8');
  const theirs = ours.replace('var LINK_VERSION = 1;', 'var LINK_VERSION = 2;');
  await replace(iso, digest(ours), digest(theirs));
  await replace(iso, 'var LINK_VERSION = 1;', 'var LINK_VERSION = 2;');
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function replace(iso: FileHandle, from: string, to: string): Promise<void> {
  const at = (await contentOf(iso)).indexOf(from);
  if (at < 0 || from.length !== to.length) throw new Error(`${from} is not on the medium`);
  await iso.write(to, at);
}

async function contentOf(iso: FileHandle): Promise<Buffer> {
  const { size } = await iso.stat();
  const { buffer } = await iso.read(Buffer.alloc(size), 0, size, 0);
  return buffer;
}
