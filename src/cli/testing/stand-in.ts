/**
 * A small honest stand-in for the pipeline, for the tests of the command line: it reads the manifest,
 * goes through the stages, really writes a file and hashes it, really runs a program, stops when it
 * is told to. The manifest's `simulate` says what shall happen.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { z } from 'zod';
import type { MachineEvent } from '../../hypervisors/hypervisor.ts';
import { applianceNameOf } from '../../manifest/template.ts';
import type { BuildOptions } from '../../pipeline/build-options.ts';
import type { DiagnoseOptions, DiagnoseResult, DiagnoseSession } from '../../pipeline/diagnose.ts';
import {
  type BuildFailure,
  type BuildResult,
  type Emit,
  type FileRequest,
  STAGES,
  type StageName,
} from '../../pipeline/events.ts';
import type { ImportedMachine, ImportOptions } from '../../pipeline/import.ts';
import { type ErrorKind, PvmcError, systemCodeOf } from '../../system/error.ts';
import { run } from '../../system/run.ts';
import type { Program } from '../program.ts';

const KINDS = [
  'usage',
  'manifest',
  'host',
  'repository',
  'machine',
  'construct',
  'verify',
  'input',
  'interrupted',
  'internal',
] as const satisfies readonly ErrorKind[];

const schema = z.strictObject({
  name: z.string(),
  version: z.string(),
  simulate: z
    .strictObject({
      /** How long each stage takes. */
      stageSeconds: z.number().default(0.01),
      /** The stage in which a program runs until it is stopped. */
      hangIn: z.string().optional(),
      /** That program does not care for SIGTERM. */
      stubborn: z.boolean().default(false),
      failIn: z.string().optional(),
      failure: z.enum(KINDS).default('construct'),
      /** A defect instead: thrown, or in a callback that nobody awaits. */
      defect: z.enum(['thrown', 'later']).optional(),
      expected: z.record(z.string(), z.number()).default({}),
      notice: z.string().optional(),
    })
    .prefault({}),
});

type Script = z.output<typeof schema>;

export function standIn(): Program {
  return {
    version: '1.2.3',
    buildAppliance,
    buildIso: async ({ manifestPath, outputFolder }, emit, signal) => {
      const script = await readScript(manifestPath);
      await runStage('media', script, { emit, signal });
      return writeOutput(join(outputFolder, `${script.name}.iso`));
    },
    checkManifest: async ({ path }) => {
      const { name, version } = await readScript(path);
      return { appliance: name, version };
    },
    planBuild: async ({ path }) => planOf(await readScript(path)),
    verifyFile: async ({ path, emit, signal }) => {
      await runStage('verify', parseScript('name: x\nversion: "1"'), { emit, signal });
      const good = (await readFile(path, 'utf8')).startsWith('appliance');
      return {
        checks: [
          { name: 'digests', outcome: good ? 'passed' : 'failed', detail: 'x.vmdk', seconds: 0.1 },
          { name: 'boots under UEFI', outcome: good ? 'passed' : 'skipped', seconds: 2 },
        ],
        folder: dirname(path),
        screenshots: [],
      };
    },
    importAppliance,
    lintAppliance: async () => {
      throw new TypeError('the stand-in reads no appliances');
    },
    signFile: async () => {
      throw new TypeError('the stand-in signs nothing');
    },
    diffAppliances: async () => {
      throw new TypeError('the stand-in reads no appliances');
    },
    keptBuilds: async () => [],
    showBuild: async () => {
      throw new TypeError('the stand-in keeps no builds');
    },
    cleanBuilds: async () => ({ removed: [], running: [], freedBytes: 0 }),
    listedStages: () =>
      STAGES.map(({ name, title }) => ({ name, title, where: 'host', steps: [] })),
    diagnoseComputer: async ({ manifestPath }) => {
      const broken = manifestPath === 'broken';
      return {
        ready: !broken,
        checks: [
          { name: 'pvmc', findings: [{ state: 'ok', finding: '1.2.3' }] },
          {
            name: 'memory',
            findings: [
              broken
                ? { state: 'problem', finding: 'none', cure: { commands: ['free --all'] } }
                : { state: 'warning', finding: 'little', cure: { advice: 'Buy some.' } },
            ],
          },
        ],
      };
    },
    diagnoseBuild,
    manifestTemplate: (folder) => `name: ${applianceNameOf(folder)}\nversion: "1.0"\n`,
    manifestJsonSchema: () => ({ $schema: 'https://json-schema.org/draft/2020-12/schema' }),
  };
}

async function importAppliance({
  path,
  options,
  signal,
}: FileRequest<ImportOptions>): Promise<ImportedMachine> {
  const name = options.name ?? 'hello';
  const folder = join(options.folder ?? dirname(path), name);
  const command = (word: string) => `${folder}/${word}`;
  return {
    facts: {
      name,
      hypervisor: 'Stand-in 1',
      folder,
      product: 'hello',
      version: '1.0',
      memoryBytes: 2 ** 30,
      cpus: 2,
      firmware: 'bios',
      diskBytes: 2 ** 33,
      signedBy: undefined,
      forwardPorts: Object.fromEntries(
        options.forwards.map((one) => [one.guestPort, one.hostPort ?? 8000 + one.guestPort]),
      ),
      properties: options.properties.map(({ key }) => ({ key, label: key, given: true })),
      commands: {
        start: command('start'),
        open: command('open'),
        look: command('look'),
        powerOff: command('off'),
        remove: command('remove'),
      },
    },
    start: async () => {
      signal.throwIfAborted();
      await run(['grep', '-q', 'appliance', path], { kind: 'machine' });
    },
  };
}

async function diagnoseBuild(
  { build, command, screen }: DiagnoseOptions,
  session: DiagnoseSession,
): Promise<DiagnoseResult> {
  const shown = screen ? { address: '127.0.0.1:5900', password: 'secret' } : undefined;
  session.onStarted({ build, screen: shown });
  if (command !== undefined) {
    const { status, stdout } = await run(['sh', '-c', command], { accept: [0, 3] });
    session.onOutput(Buffer.from(`${stdout}\n`));
    return { build, status };
  }
  // A guest that says again what it is told, and powers itself off at Ctrl-D.
  const console = new PassThrough();
  let ended: MachineEvent | undefined;
  console.on('data', (keys: Buffer) => {
    if (!keys.includes(4)) return;
    ended = { type: 'stopped', by: 'guest' };
    console.end();
  });
  const by = await session.connect(console);
  return { build, ended: by === 'console' ? ended : undefined };
}

interface Watched {
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

async function buildAppliance(
  options: BuildOptions,
  emit: Emit,
  signal: AbortSignal,
): Promise<BuildResult> {
  const script = await readScript(options.manifestPath);
  const folder = join(options.outputFolder, 'build-1');
  await mkdir(folder, { recursive: true });
  emit({
    type: 'build-started',
    build: 'build-1',
    folder,
    appliance: script.name,
    version: script.version,
    expectedSeconds: script.simulate.expected,
  });
  const { notice } = script.simulate;
  if (notice !== undefined) emit({ type: 'notice', line: notice });
  const stages = STAGES.filter(({ name }) => options.verify || name !== 'verify');
  let at: StageName | undefined;
  try {
    for (const { name } of stages) {
      at = name;
      await runStage(name, script, { emit, signal });
    }
  } catch (thrown) {
    if (thrown instanceof PvmcError)
      emit({ type: 'build-failed', failure: failure(thrown, at, folder) });
    throw thrown;
  }
  const file = await writeOutput(
    join(options.outputFolder, `${script.name}-${script.version}.ova`),
  );
  const result: BuildResult = {
    build: 'build-1',
    folder,
    files: [{ format: 'ova', ...file }],
    stageSeconds: Object.fromEntries(
      stages.map(({ name }) => [name, script.simulate.stageSeconds]),
    ),
    seconds: stages.length * script.simulate.stageSeconds,
    verified: options.verify,
    unchanged: false,
    resume: 'pvmc build --resume examples/hello',
  };
  emit({ type: 'build-finished', result });
  return result;
}

const STEPS = ['Find the disk', 'Make the partitions', 'Install the packages'];

async function runStage(stage: StageName, script: Script, watched: Watched): Promise<void> {
  const { emit, signal } = watched;
  const { stageSeconds, hangIn, failIn, stubborn } = script.simulate;
  const seconds = stageSeconds / STEPS.length;
  signal.throwIfAborted();
  emit({ type: 'stage-started', stage });
  for (const [index, title] of STEPS.entries()) {
    const step = title.toLowerCase().replaceAll(' ', '-');
    emit({ type: 'step-started', stage, step, title, index: index + 1, count: STEPS.length });
    for (let done = 1; done <= 10; done += 1) {
      await sleep((seconds * 1000) / 10, undefined, { signal });
      emit({ type: 'log', origin: 'apt', line: `\u001b[31mGet:${done}\u001b[0m package ${done}` });
      emit({
        type: 'amount',
        stage,
        amount: { done: done * 2 ** 20, total: 10 * 2 ** 20, unit: 'bytes' },
      });
    }
    emit({ type: 'step-finished', stage, step, seconds });
    if (stage === failIn) fail(script);
    if (stage === hangIn) await hang(stubborn, watched);
  }
  emit({ type: 'stage-finished', stage, seconds: stageSeconds, result: 'simulated' });
}

function fail({ simulate: { failure: kind, defect } }: Script): void {
  if (defect === 'thrown') throw new TypeError('nothing is not a function');
  if (defect === 'later') {
    setTimeout(() => {
      throw new TypeError('nothing is not a function');
    }, 1);
    return;
  }
  throw new PvmcError({
    kind,
    code: `simulated-${kind}`,
    message: `the simulation failed as ${kind}`,
    hint: 'Take another simulation.',
    details: ['E: Unable to locate package ngnix'],
  });
}

/** Runs a real program, in a group of its own, until the signal ends it. */
async function hang(stubborn: boolean, { emit, signal }: Watched): Promise<void> {
  const trap = stubborn ? `trap '' TERM; ` : '';
  await run(['sh', '-c', `${trap}echo "process $$"; while :; do echo tick; sleep 0.2; done`], {
    signal,
    log: (line, origin) => emit({ type: 'log', origin, line }),
  });
}

function failure(error: PvmcError, stage: StageName | undefined, folder: string): BuildFailure {
  const { kind, code, message, hint, details } = error;
  return {
    kind,
    code,
    message,
    hint,
    details,
    stage,
    step: 'install-the-packages',
    lastLines: [
      'Reading package lists...',
      '\u001b]0;title\u0007E: Unable to locate package ngnix',
    ],
    folder,
    resume: 'pvmc build --resume examples/hello',
  };
}

async function writeOutput(path: string) {
  const content = `appliance ${'x'.repeat(5000)}`;
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { path, sizeBytes: content.length, sha256 };
}

function planOf({ name, version }: Script) {
  return {
    appliance: name,
    version,
    stages: STAGES.map(({ name: stage, title }) => ({
      stage,
      title,
      steps: [{ title: 'A step', details: ['some substance'] }],
    })),
    partitions: [
      { number: 1, name: 'bios', sizeBytes: 2 ** 20, content: 'BIOS boot code' },
      { number: 2, name: 'esp', sizeBytes: 64 * 2 ** 20, content: 'vfat', mountPoint: '/boot/efi' },
      { number: 3, name: 'root', sizeBytes: 8 * 2 ** 30, content: 'ext4', mountPoint: '/' },
    ],
  };
}

/** A folder means its appliance.yaml, as for the real reader. */
async function readScript(path: string): Promise<Script> {
  try {
    const inside = join(path, 'appliance.yaml');
    return parseScript(await readFile(existsSync(inside) ? inside : path, 'utf8'));
  } catch (cause) {
    if (systemCodeOf(cause) !== 'ENOENT') throw cause;
    throw new PvmcError({
      kind: 'manifest',
      code: 'manifest-missing',
      message: `there is no ${path}`,
      cause,
    });
  }
}

function parseScript(text: string): Script {
  return schema.parse(parse(text));
}
