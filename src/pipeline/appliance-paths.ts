/** Which file a user means who names an appliance by its path, or by the build that made it. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PvmcError } from '../system/error.ts';
import type { RecordedBuild } from './earlier-builds.ts';
import { findBuild } from './kept-builds.ts';
import { isIntact } from './outputs.ts';
import type { Output } from './record.ts';

export interface GivenAppliance {
  /** A path, absolute or from the working folder, or what names a build. */
  readonly given: string;
  readonly workingFolder: string;
  /** Where builds are looked for. */
  readonly outputFolder: string;
}

/**
 * A file that is there is itself; anything else is a build's name, its beginning, its folder, or `latest`.
 * @throws PvmcError `no-builds`, `build-unknown`, `build-ambiguous`, `file-missing`; `nothing-kept` for a
 * build whose files are gone
 */
export async function appliancePath(request: GivenAppliance): Promise<string> {
  const { given, workingFolder, outputFolder } = request;
  const path = resolve(workingFolder, given);
  const facts = await stat(path).catch(() => undefined);
  if (facts && !facts.isDirectory()) return path;
  if (!facts && LOOKS_LIKE_A_FILE.test(given)) {
    throw fileMissing(`there is no file ${path}`);
  }
  return fileOf(facts ? await buildIn(path) : await findBuild(outputFolder, given));
}

const LOOKS_LIKE_A_FILE = /\.(ova|ovf|box|vmdk|qcow2|raw|vhdx?|vdi|img|zst)$/i;

/** The build whose folder this is. */
async function buildIn(folder: string): Promise<RecordedBuild> {
  try {
    return await findBuild(resolve(folder, '..', '..'), folder);
  } catch (thrown) {
    if (!(thrown instanceof PvmcError) || !['no-builds', 'build-unknown'].includes(thrown.code))
      throw thrown;
    throw fileMissing(`${folder} is a folder, and not that of a build`);
  }
}

function fileMissing(message: string): PvmcError {
  return new PvmcError({
    kind: 'input',
    code: 'file-missing',
    message,
    hint: 'Give the path of an appliance, e.g. out/hello-1.0.ova, or the name of a build.',
  });
}

/** What users of the build get, or else the disk that it was made from. */
async function fileOf(build: RecordedBuild): Promise<string> {
  const path = await keptFile(build);
  if (path !== undefined) return path;
  throw new PvmcError({
    kind: 'usage',
    code: 'nothing-kept',
    message: `neither an export nor the disk of ${build.record.build} is kept`,
    hint: 'Give the path of the appliance itself, or build it again with `--keep always`.',
  });
}

/** The same; undefined where nothing of it is kept. */
export async function keptFile({ path, record }: RecordedBuild): Promise<string | undefined> {
  const exported = record.stages.export?.files ?? [];
  const ova = exported.find(({ output }) => output.path.endsWith('.ova'))?.output;
  const disk = record.stages.construct?.disk;
  const others = exported.map(({ output }) => output);
  const candidates = [ova, disk, ...others.filter((one) => LOOKS_LIKE_A_FILE.test(one.path))];
  for (const output of candidates.filter((one): one is Output => one !== undefined)) {
    if (await isIntact(path, output)) return join(path, output.path);
  }
  return undefined;
}
