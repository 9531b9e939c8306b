/** Programs of the medium for whoever looks around: nothing is logged. */
import { run } from '../system/run.ts';
import type { Programs } from './step.ts';

export const mediumPrograms: Programs = {
  run: (argv, { input, env, accept } = {}) => run(argv, { input, env, accept, kind: 'construct' }),
};
