/** Puts together what the steps are given: the workspace, and programs run with every line logged. */
import { basename } from 'node:path';
import type { DiskInputs } from '../manifest/installation-manifest.ts';
import { messageOf } from '../system/error.ts';
import type { Progress } from '../system/progress.ts';
import { Releases } from '../system/releases.ts';
import { type RunOptions, type RunResult, run, runPipe } from '../system/run.ts';
import type { ConstructionRecord } from './record.ts';
import type { Context, ProgramOptions, Workspace } from './step.ts';

export interface ContextOptions {
  readonly manifest: DiskInputs;
  /** Payload paths are relative to it. */
  readonly payloadFolder: string;
  readonly progress: Progress;
  readonly record: ConstructionRecord;
  readonly releases: Releases;
}

export function createContext({
  manifest,
  payloadFolder,
  progress,
  record,
  releases,
}: ContextOptions): Context {
  const workspace: Workspace = {
    holdsScratch: nested(releases, progress),
    holdsRoot: nested(releases, progress),
    disk: '',
    found: 'nothing',
    partitions: {
      biosBoot: '',
      esp: '',
      root: '',
      biosBootFirstSector: 0,
      biosBootSectors: 0,
      rootFirstSector: 0,
      rootBytes: 0,
    },
    scratch: '',
    root: '',
    packages: '',
    repeated: false,
  };
  const start = (argv: readonly string[], options: ProgramOptions = {}): Promise<RunResult> => {
    const program = argv[0] === 'chroot' ? argv[2] : argv[0];
    return run(argv, runOptions(context, basename(program ?? ''), options));
  };
  const context: Context = {
    manifest,
    payloadFolder,
    progress,
    workspace,
    record,
    run: start,
    runInRoot: (argv, options) => start(['chroot', workspace.root, ...argv], options),
    pipe: (producer, consumer) =>
      runPipe(producer, consumer, runOptions(context, basename(consumer[0] ?? ''), {})),
  };
  return context;
}

function runOptions(context: Context, origin: string, options: ProgramOptions): RunOptions {
  const { manifest, progress } = context;
  return {
    // A release still has to unmount after the run was aborted.
    signal: progress.signal.aborted ? undefined : progress.signal,
    kind: 'construct',
    env: {
      // Every tool that knows this variable writes it instead of the present time.
      SOURCE_DATE_EPOCH: String(manifest.sourceDateEpoch),
      HOME: '/root',
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      TZ: 'UTC',
      ...options.env,
    },
    input: options.input,
    accept: options.accept,
    log: (line) => {
      options.onLine?.(line);
      if (options.output !== 'quiet') progress.log(line, origin);
    },
  };
}

function nested(releases: Releases, progress: Progress): Releases {
  const inner = new Releases((what, failure) => {
    progress.log(`${what} could not be given back: ${messageOf(failure)}`);
  });
  releases.add('what is mounted', () => inner.releaseAll());
  return inner;
}
