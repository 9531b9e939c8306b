/**
 * Stage 1 where the medium was made elsewhere (`--medium`): on a computer that cannot make one itself, or to
 * repeat with the same bits. Nothing is resolved and no base is needed; what the medium says, counts.
 */
import { constants } from 'node:fs';
import { copyFile, open, rm } from 'node:fs/promises';
import { PvmcError, systemCodeOf } from '../system/error.ts';
import { sha256Of } from '../system/sha256.ts';
import { volumeId } from './media-stage.ts';

export interface GivenMedium {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * Looks whether the file is the medium of the appliance.
 * @throws PvmcError `file-missing`, `medium-foreign`
 */
export async function examineMedium(
  path: string,
  appliance: string,
  signal: AbortSignal,
): Promise<GivenMedium> {
  const { volume, sizeBytes } = await readVolume(path);
  if (volume !== volumeId(appliance)) throw foreign(path, appliance, volume);
  return { sizeBytes, sha256: await sha256Of(path, signal) };
}

/** A copy, since what its owner does with the original later is not ours to know. */
export async function copyMedium(path: string, targetPath: string): Promise<void> {
  await rm(targetPath, { force: true });
  await copyFile(path, targetPath, constants.COPYFILE_FICLONE);
}

/** Where ISO 9660 has the primary volume descriptor: its mark, and the volume's name in it. */
const DESCRIPTOR_OFFSET = 16 * 2048;
const MARK = '\u0001CD001';
const NAME = { start: 40, end: 72 };

/** An empty name when it is no ISO. */
async function readVolume(path: string) {
  const file = await open(path).catch((thrown: unknown) => {
    throw missing(path, thrown);
  });
  try {
    const { buffer } = await file.read(Buffer.alloc(NAME.end), 0, NAME.end, DESCRIPTOR_OFFSET);
    const isIso = buffer.toString('latin1', 0, MARK.length) === MARK;
    const volume = isIso ? buffer.toString('latin1', NAME.start, NAME.end).trim() : '';
    return { volume, sizeBytes: (await file.stat()).size };
  } finally {
    await file.close();
  }
}

function missing(path: string, cause: unknown): PvmcError {
  return new PvmcError({
    kind: 'input',
    code: 'file-missing',
    message: `the medium ${path} cannot be read: ${systemCodeOf(cause) ?? String(cause)}`,
    hint: 'pvmc iso makes one, on Debian.',
    cause,
  });
}

function foreign(path: string, appliance: string, volume: string): PvmcError {
  return new PvmcError({
    kind: 'input',
    code: 'medium-foreign',
    message:
      volume === ''
        ? `${path} is no ISO image`
        : `${path} is the ISO ${volume}, not the PVMC ISO of the appliance ${appliance}`,
    hint: 'Make it with pvmc iso, on Debian, from the same manifest.',
  });
}
