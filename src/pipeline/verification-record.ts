/** What the folder of a `pvmc verify` says of it: `verification.json`, so that `pvmc builds` and `clean` know it. */
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { BUILDS_FOLDER } from './build-folder.ts';
import { thisProcess } from './record.ts';
import { readRecordFile, writeRecordFile } from './record-file.ts';

const RECORD_FILE = 'verification.json';

const schema = z.strictObject({
  version: z.literal(1),
  /** The name of its folder. */
  verification: z.string(),
  /** The file that was verified. */
  file: z.string(),
  /** The process that runs it, or ran it. */
  owner: z.strictObject({ processId: z.number(), startTime: z.string() }),
  began: z.iso.datetime(),
  ended: z.iso.datetime().optional(),
  /** Undefined while it runs, and for ever when it was killed. */
  outcome: z.enum(['succeeded', 'failed', 'interrupted']).optional(),
});

export type VerificationRecord = z.output<typeof schema>;

export interface RecordedVerification {
  /** Its folder. */
  readonly path: string;
  readonly record: VerificationRecord;
}

/** Returns how to end it. */
export async function beginVerification(
  folder: string,
  file: string,
): Promise<(outcome: VerificationRecord['outcome']) => Promise<void>> {
  const record: VerificationRecord = {
    version: 1,
    verification: basename(folder),
    file,
    owner: await thisProcess(),
    began: new Date().toISOString(),
  };
  await write(folder, record);
  return (outcome) => write(folder, { ...record, outcome, ended: new Date().toISOString() });
}

/** All that are in an output folder. */
export async function recordedVerifications(outputFolder: string): Promise<RecordedVerification[]> {
  const parent = join(outputFolder, BUILDS_FOLDER);
  const names = await readdir(parent).catch(() => []);
  const found = names.map(async (name) => {
    const path = join(parent, name);
    const record = await readVerification(path);
    return record ? [{ path, record }] : [];
  });
  return (await Promise.all(found)).flat();
}

/** Undefined when the folder has no record that can be read, or another folder's. */
export async function readVerification(folder: string): Promise<VerificationRecord | undefined> {
  const record = await readRecordFile(join(folder, RECORD_FILE), schema);
  return record?.verification === basename(folder) ? record : undefined;
}

function write(folder: string, record: VerificationRecord): Promise<void> {
  return writeRecordFile(join(folder, RECORD_FILE), record);
}
