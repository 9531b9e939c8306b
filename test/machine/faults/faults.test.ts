/** The faults that are too many, or take too long, for every CI run: `npm run test:faults`. */
import { testFaults } from './test-faults.ts';

testFaults((run) => !run.everyTime);
