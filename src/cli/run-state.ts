/**
 * What is known of a run at one moment, made from its events alone. Pure: the terminal view draws it,
 * the failure screen reads it, the tests look at it.
 */
import {
  type BuildEvent,
  type BuildFailure,
  type BuildResult,
  STAGES,
  type StageName,
} from '../pipeline/events.ts';
import type { Amount } from '../system/progress.ts';

export interface StepState {
  readonly name: string;
  readonly title: string;
  readonly index: number;
  readonly count?: number | undefined;
  readonly startedAt: number;
}

export type StageState =
  | { readonly status: 'pending' }
  | {
      readonly status: 'running' | 'failed';
      readonly startedAt: number;
      /** When it failed. */
      readonly endedAt?: number | undefined;
      readonly step?: StepState | undefined;
      readonly amount?: Amount | undefined;
    }
  | { readonly status: 'done'; readonly seconds: number; readonly result: string }
  | { readonly status: 'reused'; readonly from: string; readonly result: string };

export interface RunState {
  readonly startedAt: number;
  readonly title: string;
  readonly without: readonly StageName[];
  readonly expectedSeconds: Readonly<Partial<Record<StageName, number>>>;
  /** Stages that this run is known to have: all of a build's, of other commands those that began. */
  readonly stages: Readonly<Partial<Record<StageName, StageState>>>;
  readonly folder?: string | undefined;
  readonly outcome?:
    | { readonly type: 'finished'; readonly result: BuildResult }
    | { readonly type: 'failed'; readonly failure: BuildFailure }
    | undefined;
}

/** A run that has said nothing yet. `without` names stages that it was told to leave out. */
export function startRun(title: string, now: number, without: readonly StageName[] = []): RunState {
  return { startedAt: now, title, without, expectedSeconds: {}, stages: {} };
}

/** The state after an event that came `now`. */
export function advance(state: RunState, event: BuildEvent, now: number): RunState {
  switch (event.type) {
    case 'build-started':
      return {
        ...state,
        title: `${event.appliance} ${event.version}`,
        folder: event.folder,
        expectedSeconds: event.expectedSeconds,
        stages: { ...pendingStages(state.without), ...state.stages },
      };
    case 'stage-started':
      return withStage(state, event.stage, { status: 'running', startedAt: now });
    case 'stage-finished':
      return withStage(state, event.stage, {
        status: 'done',
        seconds: event.seconds,
        result: event.result,
      });
    case 'stage-reused':
      return withStage(state, event.stage, {
        status: 'reused',
        from: event.from,
        result: event.result,
      });
    case 'step-started':
      return withStage(state, event.stage, {
        status: 'running',
        startedAt: startOf(state, event.stage) ?? now,
        step: {
          name: event.step,
          title: event.title,
          index: event.index,
          count: event.count,
          startedAt: now,
        },
      });
    case 'step-finished':
      return finishStep(state, event.stage, event.step);
    case 'amount': {
      const stage = state.stages[event.stage];
      if (stage?.status !== 'running') return state;
      return withStage(state, event.stage, { ...stage, amount: event.amount });
    }
    case 'build-finished':
      return { ...state, outcome: { type: 'finished', result: event.result } };
    case 'build-failed':
      return { ...failRunning(state, now), outcome: { type: 'failed', failure: event.failure } };
    case 'log':
    case 'notice':
      break;
  }
  return state;
}

/** Nothing more will come: what still runs has failed, and nothing is expected. */
export function endRun(state: RunState, now: number): RunState {
  return { ...failRunning(state, now), expectedSeconds: {} };
}

function failRunning(state: RunState, now: number): RunState {
  let failed = state;
  for (const { name } of STAGES) {
    const stage = state.stages[name];
    if (stage?.status === 'running')
      failed = withStage(failed, name, { ...stage, status: 'failed', endedAt: now });
  }
  return failed;
}

function pendingStages(without: readonly StageName[]): RunState['stages'] {
  const pending: StageState = { status: 'pending' };
  const names = STAGES.map(({ name }) => name).filter((name) => !without.includes(name));
  return Object.fromEntries(names.map((name) => [name, pending]));
}

function withStage(state: RunState, name: StageName, stage: StageState): RunState {
  return { ...state, stages: { ...state.stages, [name]: stage } };
}

function startOf(state: RunState, name: StageName): number | undefined {
  const stage = state.stages[name];
  return stage?.status === 'running' ? stage.startedAt : undefined;
}

/** The stage goes on without a step, unless another step has begun meanwhile. */
function finishStep(state: RunState, name: StageName, step: string): RunState {
  const stage = state.stages[name];
  if (stage?.status !== 'running' || stage.step?.name !== step) return state;
  return withStage(state, name, { status: 'running', startedAt: stage.startedAt });
}
