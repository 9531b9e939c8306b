/** One fault at least of each kind, in every CI run; test/machine/faults/ has them all. */
import { testFaults } from './faults/test-faults.ts';

testFaults((run) => run.everyTime === true);
