/** `pvmc show`: what takes the space in a build's appliance, read from its disk or its OVA. */
import { readSpaceUse, type SpaceUse } from '../contents/space.ts';
import { messageOf, PvmcError } from '../system/error.ts';
import { keptFile } from './appliance-paths.ts';
import { eventProgress } from './event-progress.ts';
import type { Emit } from './events.ts';
import { type BuildReport, buildReport, findBuild } from './kept-builds.ts';

export interface ShowRequest {
  readonly outputFolder: string;
  /** What names the build. */
  readonly given: string;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface ShownBuild extends BuildReport {
  /** Undefined when neither its disk nor an export is kept, while it runs, and when they cannot be read. */
  readonly space: SpaceUse | undefined;
}

/** @throws PvmcError `no-builds`, `build-unknown`, `build-ambiguous`; the signal's reason */
export async function showBuild(request: ShowRequest): Promise<ShownBuild> {
  const { outputFolder, given, emit, signal } = request;
  const report = await buildReport(outputFolder, given);
  // A machine may be writing to the disk of one that runs.
  if (report.state === 'running') return { ...report, space: undefined };
  const path = await keptFile(await findBuild(outputFolder, given));
  if (path === undefined) return { ...report, space: undefined };
  try {
    return { ...report, space: await readSpaceUse(path, eventProgress(emit, signal)) };
  } catch (thrown) {
    signal.throwIfAborted();
    if (!(thrown instanceof PvmcError)) throw thrown;
    emit({ type: 'notice', line: `What takes the space cannot be told: ${messageOf(thrown)}` });
    return { ...report, space: undefined };
  }
}
