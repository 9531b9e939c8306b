/** `pvmc lint`: what is wrong with an appliance, and where its repaired copy goes. */
import { realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { outputExists } from '../appliance/partial-file.ts';
import { kindOf, type LintReport, lintFile } from '../lint/lint.ts';
import { type RepairReport, repairFile } from '../lint/repair.ts';
import { PvmcError } from '../system/error.ts';
import { isThere } from '../system/is-there.ts';
import type { FileRequest } from './events.ts';
import { noticingProgress } from './noticing-progress.ts';

export interface LintOptions {
  /** Where the repaired file goes; undefined when nothing is to be repaired. */
  readonly repair: RepairTarget | undefined;
}

/** The path is absolute. */
export type RepairTarget = { readonly outputPath: string } | 'in-place';

export type LintResult =
  | { readonly type: 'linted'; readonly report: LintReport }
  | { readonly type: 'repaired'; readonly report: RepairReport };

/** @throws PvmcError when the file cannot be read, or the repaired one not be written. */
export async function lintAppliance(request: FileRequest<LintOptions>): Promise<LintResult> {
  const { path, options, emit, signal } = request;
  const progress = noticingProgress(emit, signal);
  // A link stays one: the file that it leads to is meant.
  const file = await realpath(path).catch(() => resolve(path));
  if (OTHER_DISK.test(file)) throw noRules(path);
  if (options.repair === undefined) {
    return { type: 'linted', report: await lintFile(file, progress) };
  }
  const outputPath = options.repair === 'in-place' ? file : options.repair.outputPath;
  if ((await kindOf(file)) === 'ovf' && !/\.ova$/i.test(outputPath)) throw onlyPacked();
  if (options.repair !== 'in-place') await requireNothing(outputPath, file);
  return { type: 'repaired', report: await repairFile({ path: file, outputPath }, progress) };
}

/** By their names: whatever is in it, a file that is called an OVA is held to being one. */
const OTHER_DISK = /\.(qcow2|raw|img|vhdx?|vdi|zst)$/i;

function noRules(path: string): PvmcError {
  return new PvmcError({
    kind: 'input',
    code: 'lint-no-rules',
    message: `lint has no rules for ${path}: it looks at an OVA, an OVF or a VMDK`,
    hint: 'pvmc verify boots other disks, and pvmc diff looks into them.',
  });
}

/** A file that is there is somebody's. */
async function requireNothing(outputPath: string, input: string): Promise<void> {
  if (!(await isThere(outputPath))) return;
  const [given, there] = await Promise.all(
    [input, outputPath].map((path) => stat(path).catch(() => undefined)),
  );
  if (!there || given?.ino !== there.ino || given.dev !== there.dev) throw outputExists(outputPath);
  throw new PvmcError({
    kind: 'host',
    code: 'output-exists',
    message: `${outputPath} is the file that is to be repaired`,
    hint: 'Give another name, or `--in-place` to put the repaired file in its place.',
  });
}

/** Its files are several, and stay what they are. */
function onlyPacked(): PvmcError {
  return new PvmcError({
    kind: 'usage',
    code: 'lint-output-unclear',
    message: 'an OVF is repaired by packing it and its files into an OVA',
    hint: 'Give `-o NAME.ova`.',
  });
}
