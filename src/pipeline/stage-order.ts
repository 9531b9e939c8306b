/** Which stages a build does, and which of them it may take from earlier builds. */
import { PvmcError } from '../system/error.ts';
import type { BuildOptions } from './build-options.ts';
import { STAGES, type StageName } from './events.ts';

export function indexOfStage(stage: StageName): number {
  return STAGES.findIndex(({ name }) => name === stage);
}

export class StageOrder {
  readonly #options: Pick<BuildOptions, 'from' | 'until' | 'verify' | 'reuse'>;

  /** @throws PvmcError `stages-contradict` when nothing would be left to do */
  constructor(options: Pick<BuildOptions, 'from' | 'until' | 'verify' | 'reuse'>) {
    this.#options = options;
    const { from = 'media', until = 'verify', verify } = options;
    if (indexOfStage(from) > indexOfStage(until))
      throw contradiction(`--from ${from} is after --until ${until}`, 'Swap them.');
    if (from === 'verify' && !verify)
      throw contradiction('--from verify and --no-verify leave nothing to do', 'Leave one out.');
  }

  get from(): StageName | undefined {
    return this.#options.from;
  }

  /** Whether the build goes as far as this stage. */
  wants(stage: StageName): boolean {
    const { until, verify } = this.#options;
    if (stage === 'verify' && !verify) return false;
    return until === undefined || indexOfStage(stage) <= indexOfStage(until);
  }

  /** Whether an earlier build's work will do. */
  mayReuse(stage: StageName): boolean {
    const { from, reuse } = this.#options;
    if (reuse === 'nothing') return false;
    return from === undefined || indexOfStage(stage) < indexOfStage(from);
  }

  /**
   * Whether the user wants to begin later than with this stage, so that doing it would be a surprise. The
   * medium is never one: it takes seconds.
   */
  mustReuse(stage: StageName): boolean {
    const { from } = this.#options;
    return stage !== 'media' && from !== undefined && indexOfStage(stage) < indexOfStage(from);
  }
}

/** An earlier stage was never finished with the manifest as it is. */
export function stageMissing(stage: StageName, from: StageName | undefined): PvmcError {
  return new PvmcError({
    kind: 'usage',
    code: 'stage-missing',
    message: `--from ${from}: no build has finished the stage ${stage} with this manifest, these packages and this pvmc`,
    hint: 'Leave --from out: what has been done already is used as far as it goes.',
  });
}

function contradiction(message: string, hint: string): PvmcError {
  return new PvmcError({ kind: 'usage', code: 'stages-contradict', message, hint });
}
