/** The whole command line as a program, with the stand-in behind it. The tests bundle and run it. */
import { runMain } from '../run-main.ts';
import { standIn } from './stand-in.ts';

await runMain(standIn());
