/**
 * How much room a build takes at its peak, from what its packages weigh. A prediction: it says what can
 * be said before anything is made, so that a disk that is too full is named then and not after minutes.
 *
 * Its figures are from a build of examples/hello (159 MiB to fetch, 321 MiB installed), looked at with du
 * every few seconds: the machine's disk took 676 MiB when the packages were installed and 1028 MiB when
 * the root file system was written; with the ISO the output folder had 1170 MiB then.
 */
import { FORMATS } from '../appliance/formats/formats.ts';
import type { Manifest } from '../manifest/schema.ts';

export interface SpaceNeeds {
  /** Of the packages' files as they are fetched. */
  readonly downloadBytes: number;
  /** Of the packages, unpacked. */
  readonly installedBytes: number;
  /** Of the manifest's own files. */
  readonly filesBytes: number;
  readonly formats: Manifest['exports'];
  readonly verify: boolean;
  /** Whether the machine's disk is copied when the packages are installed. */
  readonly checkpoint: boolean;
  /** Whether the base of the medium has to be made first. */
  readonly base: 'cached' | 'to-be-made';
}

/** At the peak, by folder. */
export interface SpacePrediction {
  readonly outputBytes: number;
  readonly cacheBytes: number;
  /** For the folder in which the medium's system is put together. */
  readonly temporaryBytes: number;
}

const MIB = 2 ** 20;

/** The ISO without the manifest's files: nearly all of it is the base. */
const MEDIUM_BYTES = 145 * MIB;
/** Indexes of trixie with its updates. */
const INDEX_BYTES = 100 * MIB;
/** The base in the making: its archive, then what it is packed into. */
const BASE_CACHE_BYTES = 450 * MIB;
/** Its packages, and the system unpacked. */
const BASE_TEMPORARY_BYTES = 800 * MIB;
/** The initramfs, locales and caches, beside the packages' own files. */
const GENERATED_BYTES = 40 * MIB;
/** What the scratch file system needs itself, and what was written to it and removed. */
const SCRATCH_BYTES = 160 * MIB;
/** What is left of a root file system when it is deflated. */
const COMPRESSED_PART = 0.6;
/** What a boot writes into the throw-away copy of the disk. */
const OVERLAY_BYTES = 60 * MIB;

/** What a build is taken to install before its packages are resolved: about what examples/database does. */
export const TYPICAL_PACKAGES = { downloadBytes: 240 * MIB, installedBytes: 640 * MIB };

/** A pure function of what is known. */
export function predictSpace(needs: SpaceNeeds): SpacePrediction {
  const { downloadBytes, installedBytes, filesBytes, formats } = needs;
  const root = installedBytes + filesBytes + GENERATED_BYTES;
  const scratch = downloadBytes + root + SCRATCH_BYTES;
  const compressed = root * COMPRESSED_PART;
  const exported = formats.map((format) => (FORMATS[format].room === 'plain' ? root : compressed));
  const exports = exported.reduce((sum, bytes) => sum + bytes, 0);
  // The root is written beside the scratch file system, which is then given back.
  const construct = scratch + root;
  const verify = needs.verify ? root + OVERLAY_BYTES : 0;
  const checkpoint = needs.checkpoint ? scratch : 0;
  return {
    outputBytes:
      MEDIUM_BYTES + filesBytes + checkpoint + Math.max(construct, root + exports + verify),
    cacheBytes: INDEX_BYTES + (needs.base === 'cached' ? 0 : BASE_CACHE_BYTES),
    temporaryBytes: needs.base === 'cached' ? 0 : BASE_TEMPORARY_BYTES,
  };
}
