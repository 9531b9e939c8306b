/**
 * The process around a command: its signals, its broken pipes, its defects and its end. The only
 * place that exits.
 */

import { defect } from '../system/defects.ts';
import { systemCodeOf } from '../system/error.ts';
import { runCommandLine } from './command-line.ts';
import { EXIT_BROKEN_PIPE, exitStatusOf } from './exit-status.ts';
import { failureOf, renderFailure } from './failure-screen.ts';
import { type Interruption, watchInterruptions } from './interruption.ts';
import type { Program } from './program.ts';
import { makeStyle } from './style.ts';
import { abilitiesOf, lineWidthOf, processSurroundings } from './surroundings.ts';

/** Runs the program with this process's arguments, and ends the process. */
export async function runMain(program: Program): Promise<never> {
  const surroundings = processSurroundings();
  const interruption = watchInterruptions((status) => {
    // Below what the terminal view has drawn, and the ^C that the terminal echoes.
    surroundings.stderr.write('\nended at once\n');
    process.exit(status);
  });
  const pipe = watchPipes(interruption);
  reportDefects();
  const status = await runCommandLine(process.argv.slice(2), {
    program,
    surroundings,
    interruption,
  });
  return process.exit(pipe.broken ? EXIT_BROKEN_PIPE : status);
}

/** Whoever read our output is gone (`| head`): stop the run and say no more. */
function watchPipes(interruption: Interruption): { broken: boolean } {
  const pipe = { broken: false };
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error) => {
      if (systemCodeOf(error) !== 'EPIPE' && systemCodeOf(error) !== 'EIO') throw error;
      if (!pipe.broken) interruption.abandon();
      pipe.broken = true;
    });
  return pipe;
}

/** What nobody caught: say that it is ours, and never show a trace. */
function reportDefects(): void {
  const report = (thrown: unknown) => {
    const { stderr, env } = processSurroundings();
    const error = defect(thrown);
    const style = makeStyle(abilitiesOf(stderr, env));
    const lines = renderFailure(failureOf(error), { columns: lineWidthOf(stderr), style });
    stderr.write(`\n${lines.join('\n')}\n`);
    process.exit(exitStatusOf(error.kind));
  };
  process.on('uncaughtException', report);
  process.on('unhandledRejection', report);
}
