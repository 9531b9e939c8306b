/**
 * What a build's folder says of the build: `build.json`. Written by renaming, and only after what it
 * speaks of is whole, so whatever moment a build was cut off at, its record is true.
 */
import { basename, isAbsolute, join, sep } from 'node:path';
import { z } from 'zod';
import { EXPORT_FORMAT_NAMES } from '../manifest/export-formats.ts';
import { startTimeOf } from '../system/start-time.ts';
import { STAGES } from './events.ts';
import { readRecordFile, writeRecordFile } from './record-file.ts';

/** Changes when an older pvmc could no longer read a record, or this one an older. */
const RECORD_VERSION = 1;
const RECORD_FILE = 'build.json';

/** A file that is not written to any more. */
export const outputSchema = z.strictObject({
  /** Relative to the folder that speaks of it, and never out of it. */
  path: z.string().refine((path) => !isAbsolute(path) && !path.split(sep).includes('..')),
  sizeBytes: z.number(),
  /** Whole seconds since 1970: archives and caches that bring a folder back keep no more. */
  modified: z.number(),
});

/** `key` is the SHA-256 of everything that went in; `from` the build that it was taken from. */
const finished = {
  key: z.string(),
  seconds: z.number(),
  result: z.string(),
  from: z.string().optional(),
};

const exportedSchema = z.strictObject({
  format: z.enum(EXPORT_FORMAT_NAMES),
  output: outputSchema,
  /** The file beside it that tells its digest; earlier versions of pvmc wrote none. */
  checksum: outputSchema.optional(),
  sha256: z.string(),
});

const stagesSchema = z.strictObject({
  media: z
    .strictObject({
      ...finished,
      medium: outputSchema,
      /** Earlier versions of pvmc did not say. */
      sha256: z.string().optional(),
    })
    .optional(),
  construct: z.strictObject({ ...finished, disk: outputSchema }).optional(),
  export: z
    .strictObject({
      ...finished,
      files: z.array(exportedSchema),
      /** What of the disk is not zeros; earlier versions of pvmc did not say. */
      dataBytes: z.number().optional(),
    })
    .optional(),
  verify: z.strictObject(finished).optional(),
});

const recordSchema = z.strictObject({
  version: z.literal(RECORD_VERSION),
  /** The version of pvmc. */
  pvmc: z.string(),
  /** The name of its folder. */
  build: z.string(),
  appliance: z.string(),
  applianceVersion: z.string(),
  manifestPath: z.string(),
  outputFolder: z.string(),
  /** The digest of the manifest and of all that it takes from beside it. */
  inputs: z.string(),
  machine: z.strictObject({
    memoryBytes: z.number(),
    cpus: z.number(),
    firmware: z.enum(['bios', 'uefi']),
    diskBytes: z.number(),
  }),
  /** From this stage on nothing of other builds was to be used. */
  redoFrom: z.enum(STAGES.map(({ name }) => name)).optional(),
  /** Whether newer builds may have its disk removed. */
  keep: z.enum(['latest', 'always', 'failed', 'never']),
  /** The process that runs it, or ran it last. */
  owner: z.strictObject({ processId: z.number(), startTime: z.string() }),
  began: z.iso.datetime(),
  ended: z.iso.datetime().optional(),
  /** Undefined while it runs, and for ever when it was killed. `stopped`: as `--until` wanted. */
  outcome: z.enum(['succeeded', 'stopped', 'failed', 'interrupted']).optional(),
  failure: z
    .strictObject({
      code: z.string(),
      message: z.string(),
      stage: z.string().optional(),
      step: z.string().optional(),
    })
    .optional(),
  stages: stagesSchema,
  /** The machine's disk with all packages installed and nothing of the manifest configured. */
  checkpoint: z.strictObject({ key: z.string(), disk: outputSchema }).optional(),
});

export type Output = z.output<typeof outputSchema>;
export type BuildRecord = z.output<typeof recordSchema>;
export type StageRecords = z.output<typeof stagesSchema>;
export type BuildState = 'running' | NonNullable<BuildRecord['outcome']>;

/** Replaces the record of a build's folder. */
export async function writeRecord(folder: string, record: BuildRecord): Promise<void> {
  await writeRecordFile(join(folder, RECORD_FILE), record);
}

/** The record of a build's folder; undefined when there is none that can be read. */
export async function readRecord(folder: string): Promise<BuildRecord | undefined> {
  const record = await readRecordFile(join(folder, RECORD_FILE), recordSchema);
  // A folder that was copied or renamed is not the build that it says.
  return record?.build === basename(folder) ? record : undefined;
}

/** How the build stands now: one whose process is gone without a word was interrupted. */
export async function stateOf({
  outcome,
  owner,
}: Pick<BuildRecord, 'outcome' | 'owner'>): Promise<BuildState> {
  if (outcome !== undefined) return outcome;
  return (await startTimeOf(owner.processId)) === owner.startTime ? 'running' : 'interrupted';
}

/** This process, as a record names it. */
export async function thisProcess(): Promise<BuildRecord['owner']> {
  return { processId: process.pid, startTime: (await startTimeOf(process.pid)) ?? '' };
}
