/** What a person at the console can do. */
import { STEPS } from '../construct.ts';

const TEXT = `constructor status             what was done on the disk, what failed, and where the logs are
constructor logs | less        the log of the construction
constructor run                go on with the step that has failed, or that comes next
constructor run --from STEP    go on with that step, over what it has left
constructor help               this

The steps: `;

export function help(): number {
  process.stdout.write(`${TEXT}${STEPS.map(({ name }) => name).join(' ')}\n`);
  return 0;
}
