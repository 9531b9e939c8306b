/**
 * How long stages took on this computer, so that the next run can say what to expect. A figure for
 * people: when it cannot be read or written, a run goes on without.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { StageName } from './events.ts';

export type StageSeconds = Readonly<Partial<Record<StageName, number>>>;

const historySchema = z.record(z.string(), z.record(z.string(), z.number().nonnegative()));

const FILE = 'stage-seconds.json';
/** How much the newest run counts: enough to follow a change, not every hiccup. */
const NEWEST_WEIGHT = 0.5;
const MOST_KEYS = 200;

/** What the stages of such a build took. `key` tells builds apart that take different times. */
export async function expectedSeconds(folder: string, key: string): Promise<StageSeconds> {
  const history = await read(folder);
  return history[key] ?? {};
}

/** Adds a run's times. */
export async function remember(folder: string, key: string, seconds: StageSeconds): Promise<void> {
  const history = await read(folder);
  const before: StageSeconds = history[key] ?? {};
  const merged = Object.fromEntries(
    Object.entries(seconds).map(([stage, now]) => {
      const earlier = before[stage as StageName];
      return [stage, earlier === undefined ? now : earlier + (now - earlier) * NEWEST_WEIGHT];
    }),
  );
  const { [key]: _replaced, ...others } = history;
  const kept = Object.entries(others).slice(1 - MOST_KEYS);
  const text = JSON.stringify(Object.fromEntries([...kept, [key, { ...before, ...merged }]]));
  await mkdir(folder, { recursive: true });
  const partial = join(folder, `.${FILE}.${process.pid}`);
  await writeFile(partial, text);
  await rename(partial, join(folder, FILE));
}

async function read(folder: string): Promise<Record<string, Record<string, number>>> {
  try {
    return historySchema.parse(JSON.parse(await readFile(join(folder, FILE), 'utf8')));
  } catch {
    return {};
  }
}
