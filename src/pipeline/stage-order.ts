/** Which stages a build does, and which of them it may take from earlier builds. */
import { PvmcError } from '../system/error.ts';
import type { BuildOptions } from './build-options.ts';
import { STAGES, type StageName } from './events.ts';

/** Whether a stage comes before another one. */
export function isBefore(stage: StageName, other: StageName): boolean {
  return indexOf(stage) < indexOf(other);
}

function indexOf(stage: StageName): number {
  return STAGES.findIndex(({ name }) => name === stage);
}

export class StageOrder {
  readonly #options: Pick<BuildOptions, 'from' | 'until' | 'verify' | 'reuse'>;

  /** @throws PvmcError `stages-contradict` when nothing would be left to do */
  constructor(options: Pick<BuildOptions, 'from' | 'until' | 'verify' | 'reuse'>) {
    this.#options = options;
    const { from = 'media', until = 'verify', verify } = options;
    if (isBefore(until, from))
      throw contradiction(`--from ${from} is after --until ${until}`, 'Swap them.');
    if (from === 'verify' && !verify)
      throw contradiction('--from verify and --no-verify leave nothing to do', 'Leave one out.');
  }

  /** Whether the build goes as far as this stage. */
  wants(stage: StageName): boolean {
    const { until, verify } = this.#options;
    if (stage === 'verify' && !verify) return false;
    return until === undefined || !isBefore(until, stage);
  }

  /** The first stage that is to be done again, whatever has been done. */
  get redoFrom(): StageName | undefined {
    const { from, reuse } = this.#options;
    return from ?? (reuse === 'nothing' ? 'media' : undefined);
  }

  /**
   * Refuses to do a stage before the one that the user wants to begin with. The medium is never one: it
   * takes seconds.
   * @throws PvmcError `stage-missing`
   */
  expectMayDo(stage: StageName): void {
    const { from } = this.#options;
    if (stage !== 'media' && from !== undefined && isBefore(stage, from))
      throw stageMissing(stage, from);
  }
}

/** An earlier stage was never finished with the manifest as it is. */
function stageMissing(stage: StageName, from: StageName | undefined): PvmcError {
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
