/** `pvmc diff`: what changed between two appliances, of files or of builds. */
import { type ApplianceDifference, compareAppliances } from '../contents/compare/compare.ts';
import { appliancePath } from './appliance-paths.ts';
import { eventProgress } from './event-progress.ts';
import type { Emit } from './events.ts';

export interface DiffRequest {
  /** Files, or what names builds. */
  readonly old: string;
  readonly new: string;
  readonly workingFolder: string;
  /** Where builds are looked for. */
  readonly outputFolder: string;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface DiffResult {
  readonly paths: { readonly old: string; readonly new: string };
  readonly difference: ApplianceDifference;
}

/** @throws PvmcError when one of them cannot be found or read */
export async function diffAppliances(request: DiffRequest): Promise<DiffResult> {
  const { workingFolder, outputFolder, emit, signal } = request;
  const find = (given: string) => appliancePath({ given, workingFolder, outputFolder });
  const paths = { old: await find(request.old), new: await find(request.new) };
  return { paths, difference: await compareAppliances(paths, eventProgress(emit, signal)) };
}
