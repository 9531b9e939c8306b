/** The budget of the manifest: whether the exports keep to it, and what takes the space if they do not. */
import { basename } from 'node:path';
import { dataBeyond } from '../appliance/disk-data.ts';
import type { ExportedFile, ExportSizes } from '../appliance/export.ts';
import { readSpaceUse, type SpaceUse, type Taker } from '../contents/space.ts';
import type { ExportFormat } from '../manifest/export-formats.ts';
import type { Manifest } from '../manifest/schema.ts';
import { messageOf, PvmcError } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { formatSize } from '../system/size.ts';

export type Budget = NonNullable<Manifest['budget']>;

/** As it is told before a build; undefined where nothing limits that. */
export function budgetLine(budget: Budget | undefined, key: keyof Budget): string | undefined {
  const most = budget?.[key];
  if (most === undefined) return undefined;
  return `no more than ${formatSize(most)}, by the budget (${key})`;
}

/** What is over the budget, one sentence each; none when all keep to it. */
export function overBudget(budget: Budget | undefined, sizes: ExportSizes): readonly string[] {
  const { export: mostOfExport, 'disk-data': mostData } = budget ?? {};
  const over: string[] = [];
  for (const [format, files] of byFormat(sizes.files)) {
    const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    if (mostOfExport === undefined || sizeBytes <= mostOfExport) continue;
    const [first] = files;
    const what =
      files.length === 1 && first ? basename(first.path) : `the export ${format} as a whole`;
    over.push(`${what} has ${told(sizeBytes, mostOfExport, 'export')}`);
  }
  if (mostData !== undefined && sizes.dataBytes > mostData) {
    over.push(`the disk holds data of ${told(sizes.dataBytes, mostData, 'disk-data')}`);
  }
  return over;
}

function byFormat(files: readonly ExportedFile[]): ReadonlyMap<ExportFormat, ExportedFile[]> {
  const formats = new Map<ExportFormat, ExportedFile[]>();
  for (const file of files) formats.set(file.format, [...(formats.get(file.format) ?? []), file]);
  return formats;
}

/** Sizes that look the same are told to the byte. */
function told(actual: number, limit: number, key: keyof Budget): string {
  const same = formatSize(actual) === formatSize(limit);
  const [has, allowed] = same
    ? [`${actual} bytes`, `${limit} bytes`]
    : [formatSize(actual), formatSize(limit)];
  return `${has}, and the budget allows ${allowed} (${key})`;
}

/**
 * What can be said before anything is exported, since writing takes far longer than reading.
 * @throws PvmcError `budget-exceeded`
 */
export async function requireDataInBudget(
  budget: Budget | undefined,
  diskPath: string,
  progress: Progress,
): Promise<void> {
  const most = budget?.['disk-data'];
  if (most === undefined) return;
  const dataBytes = await dataBeyond({ path: diskPath, format: 'raw' }, most, progress);
  if (dataBytes === undefined) return;
  const over = overBudget(budget, { files: [], dataBytes });
  throw await budgetExceeded(over, diskPath, progress);
}

/** The error for what is over the budget, with what takes the most space in this disk or export. */
export async function budgetExceeded(
  over: readonly string[],
  lookInto: string,
  progress: Progress,
): Promise<PvmcError> {
  return new PvmcError({
    kind: 'verify',
    code: 'budget-exceeded',
    message: over.join('; '),
    hint: 'Leave out packages or files, or raise the budget in the manifest; the construction is kept and taken up again. pvmc show tells more of what takes the space.',
    details: await takersOf(lookInto, progress),
  });
}

async function takersOf(path: string, progress: Progress): Promise<readonly string[]> {
  try {
    return linesOf(await readSpaceUse(path, progress));
  } catch (thrown) {
    progress.signal.throwIfAborted();
    // The budget is what failed; this would only have said more of it.
    if (!(thrown instanceof PvmcError)) throw thrown;
    return [`What takes the space cannot be told: ${messageOf(thrown)}`];
  }
}

/** With their titles as many lines as the screen of a failure shows. */
const MOST_TAKERS = 4;

function linesOf({ packages, folders }: SpaceUse): readonly string[] {
  const list = (title: string, takers: readonly Taker[]) =>
    takers.length === 0
      ? []
      : [
          title,
          ...takers
            .slice(0, MOST_TAKERS)
            .map(({ name, bytes }) => `  ${formatSize(bytes).padStart(8)}  ${name}`),
        ];
  return [...list('largest packages', packages), ...list('largest folders', folders)];
}
