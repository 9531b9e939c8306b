/** `pvmc stages`: what a build consists of, in order. */
import { STEPS } from '../constructor/construct.ts';
import { STAGES, type StageName } from './events.ts';

export interface ListedStage {
  readonly name: StageName;
  readonly title: string;
  readonly where: 'host' | 'guest';
  readonly steps: readonly { readonly name: string; readonly title: string }[];
}

export function listedStages(): readonly ListedStage[] {
  return STAGES.map(({ name, title }) => ({
    name,
    title,
    where: name === 'boot' || name === 'construct' ? 'guest' : 'host',
    steps:
      name === 'construct' ? STEPS.map((step) => ({ name: step.name, title: step.title })) : [],
  }));
}
