/**
 * Everything thrown that is no error for a person. A refusal of the system that users can mend gets
 * a name; anything else is a defect of pvmc: its trace goes to a file, never to the screen.
 */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, PvmcError, systemCodeOf } from './error.ts';

/** What was thrown as an error that can be shown; `interruption` is why the run was to stop, if so. */
export function presentable(thrown: unknown, interruption: AbortSignal): PvmcError {
  if (thrown instanceof PvmcError) return thrown;
  const { reason } = interruption;
  // Whatever breaks while a run stops is most likely a consequence of the stop.
  if (interruption.aborted && reason instanceof PvmcError) return reason;
  return systemRefusal(thrown) ?? defect(thrown);
}

/** What the system says when it is not our fault, with what users can do. */
const REFUSALS: Readonly<Record<string, { code: string; message: string; hint: string }>> = (() => {
  const full = {
    code: 'no-space',
    message: 'no space is left on the disk',
    hint: 'Make room, or choose other folders with --output and --cache.',
  };
  const refused = {
    code: 'permission-denied',
    message: 'the system refused access',
    hint: "Look at the file's owner and mode, or choose other folders with --output and --cache.",
  };
  return { ENOSPC: full, EDQUOT: full, EACCES: refused, EPERM: refused, EROFS: refused };
})();

function systemRefusal(thrown: unknown): PvmcError | undefined {
  const refusal = REFUSALS[systemCodeOf(thrown) ?? ''];
  if (refusal === undefined) return undefined;
  const { code, hint } = refusal;
  const message = `${refusal.message} (${messageOf(thrown)})`;
  return new PvmcError({ kind: 'host', code, message, hint, cause: thrown });
}

/** The error for a defect; writes its trace file. */
export function defect(thrown: unknown): PvmcError {
  const trace = writeTrace(thrown);
  return new PvmcError({
    kind: 'internal',
    code: 'internal',
    message: `this is a defect of pvmc: ${messageOf(thrown)}`,
    hint:
      trace === undefined
        ? 'Please report it with what you did.'
        : `Please report it with what you did and this file:\n${trace}`,
    cause: thrown,
  });
}

/** The trace file's path; undefined when it could not be written, which must not hide the defect. */
function writeTrace(thrown: unknown): string | undefined {
  try {
    const path = join(mkdtempSync(join(tmpdir(), 'pvmc-defect-')), 'trace.txt');
    writeFileSync(path, `${traceOf(thrown)}\n`, { mode: 0o600 });
    return path;
  } catch {
    return undefined;
  }
}

function traceOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return `thrown: ${String(thrown)}`;
  const cause = thrown.cause === undefined ? '' : `\ncaused by: ${traceOf(thrown.cause)}`;
  return `node ${process.version}\n${thrown.stack ?? thrown.message}${cause}`;
}
