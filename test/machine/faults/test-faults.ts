/**
 * Each fault in a real run: it ends with its reason in time, or goes on; nothing of it is left behind,
 * and what was there before is as it was. The outcomes are kept for docs/reliability.md.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type PlainRun, readScreen } from '../../support/plain-run.ts';
import { Bench } from './bench.ts';
import type { Ends, Fault, FaultyRun, Resume } from './fault.ts';
import { FAULT_GROUPS } from './groups.ts';
import { type Outcome, record } from './outcome.ts';
import { Workshop } from './workshop.ts';

const ALL_FAULTS = FAULT_GROUPS.flatMap(({ runs }) => runs.flatMap(({ faults }) => faults));

/** Declares a test for each run that is wanted. */
export function testFaults(isWanted: (run: FaultyRun) => boolean): void {
  let workshop: Workshop;

  beforeAll(async () => {
    workshop = await Workshop.open();
  });

  afterAll(async () => {
    await workshop.close();
  });

  for (const { name: group, runs } of FAULT_GROUPS) {
    const wanted = runs.filter(isWanted);
    if (wanted.length === 0) continue;
    describe(group, () => {
      for (const run of wanted) test(nameOf(run), () => sufferAll(group, run, workshop));
    });
  }
}

async function sufferAll(group: string, run: FaultyRun, workshop: Workshop): Promise<void> {
  const bench = await Bench.start(run, workshop);
  try {
    const outcomes: Omit<Outcome, 'index' | 'group' | 'resumed'>[] = [];
    for (const fault of run.faults) outcomes.push(await suffer(fault, bench));
    expect(await bench.wronglyLeft()).toEqual([]);
    if (run.resume) await resume(run.resume, bench);
    for (const outcome of outcomes) {
      const index = ALL_FAULTS.findIndex(({ fault }) => fault === outcome.fault);
      const resumed = outcome === outcomes.at(-1) ? (run.resume?.told ?? '') : '';
      await record({ index, group, resumed, ...outcome });
    }
  } finally {
    await bench.clear();
  }
}

/** Takes the build up again, with a manifest and a repository in which nothing is wrong any more. */
async function resume(wanted: Resume, bench: Bench): Promise<void> {
  const { says, until, arguments: args, manifest = [] } = wanted;
  bench.workshop.behave();
  await bench.writeManifest(manifest);
  const again = bench.start(args ?? ['build', '--resume', '--no-verify']);
  await again.until(says);
  if (until === 'words') again.kill('SIGINT');
  const status = await again.ended;
  expect({ status, screen: again.screen }).toMatchObject({ status: until === 'words' ? 130 : 0 });
  if (until === 'export') expect(await bench.appliance()).toBe(await bench.undisturbed());
  expect(await bench.wronglyLeft()).toEqual([]);
}

function nameOf({ faults }: FaultyRun): string {
  return faults.map(({ fault }) => fault).join('; ');
}

/** Makes the fault and waits for what is seen of it. */
async function suffer(
  fault: Fault,
  bench: Bench,
): Promise<Omit<Outcome, 'index' | 'group' | 'resumed'>> {
  const { pvmc } = bench;
  await Promise.race([fault.inject(bench), tooEarly(pvmc)]);
  const from = pvmc.screen.length;
  const started = performance.now();
  const { seen } = fault;
  if ('goesOn' in seen) await pvmc.until(seen.goesOn, { from, seconds: seen.withinSeconds });
  else await endsAs(seen, bench);
  const seconds = (performance.now() - started) / 1000;
  const { heading, code } =
    'goesOn' in seen
      ? { heading: seen.goesOn.exec(pvmc.screen.slice(from))?.[0] ?? '', code: '' }
      : screenOf(bench);
  return {
    fault: fault.fault,
    when: fault.when,
    saw: bench.neutral(heading),
    code,
    seconds,
    left: await bench.left(),
    screen: bench.neutral(pvmc.screen),
  };
}

/** @throws some seconds after the program has ended: the fault will not come any more. */
async function tooEarly(pvmc: PlainRun): Promise<never> {
  await pvmc.ended;
  await sleep(5000);
  throw new Error(`it ended before the fault was there:\n${pvmc.screen}`);
}

async function endsAs(seen: Ends, bench: Bench): Promise<void> {
  const { pvmc } = bench;
  const late = AbortSignal.timeout(seen.withinSeconds * 1000);
  const tooLate = new Promise<'late'>((resolve) =>
    late.addEventListener('abort', () => resolve('late')),
  );
  const status = await Promise.race([pvmc.ended, tooLate]);
  expect({ status, screen: status === seen.status ? '' : pvmc.screen }).toEqual({
    status: seen.status,
    screen: '',
  });
  if (seen.status === null) return;
  const { heading, code } = screenOf(bench);
  expect(code).toBe(seen.code);
  expect(heading).toMatch(seen.says);
  for (const [name, text] of Object.entries(seen.keeps ?? {}))
    expect(await readFile(join(await bench.buildFolder(), name), 'latin1')).toContain(text);
}

/** A program that was killed says nothing. */
function screenOf({ pvmc }: Bench): { readonly heading: string; readonly code: string } {
  try {
    return readScreen(pvmc.screen);
  } catch {
    return { heading: '', code: '' };
  }
}
