/**
 * The constructor's main in the guest. The medium's service starts it when the boot has ended; a person
 * at the console starts it by its name, to look at a construction and to go on with it.
 */
import { parseArgs } from 'node:util';
import { messageOf, PvmcError } from '../system/error.ts';
import { constructFromMedium } from './commands/construct.ts';
import { help } from './commands/help.ts';
import { showLog } from './commands/logs.ts';
import { runSteps } from './commands/run.ts';
import { showStatus } from './commands/status.ts';

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      installation: { type: 'string', default: '/run/pvmc/medium/pvmc/installation.json' },
      link: { type: 'string', default: '/dev/ttyS1' },
      logs: { type: 'string', default: '/run/pvmc' },
      from: { type: 'string' },
      'no-power-off': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { installation, link, logs, from } = values;
  const [command = 'help', ...more] = values.help ? ['help'] : positionals;
  if (more.length > 0) throw usage(`${command} takes no argument “${more.join(' ')}”`);
  switch (command) {
    case 'construct':
      return constructFromMedium({ installation, link, logs, powerOff: !values['no-power-off'] });
    case 'run':
      return runSteps({ installation, logs, from });
    case 'status':
      return showStatus({ installation, logs });
    case 'logs':
      return showLog({ logs });
    case 'help':
      return help();
    default:
      throw usage(`there is no command “${command}”`);
  }
}

function usage(message: string): PvmcError {
  const hint = 'constructor help lists what can be done.';
  return new PvmcError({ kind: 'usage', code: 'constructor-usage', message, hint });
}

/** For a person: what went wrong, what to do, and no more. */
function tell(thrown: unknown): void {
  const known = thrown instanceof PvmcError ? thrown : usage(messageOf(thrown));
  const lines = [known.message, ...known.details.map((line) => `  ${line}`), known.hint ?? ''];
  process.stderr.write(`constructor: ${lines.filter((line) => line !== '').join('\n')}\n`);
}

try {
  process.exitCode = await main();
} catch (thrown) {
  tell(thrown);
  process.exitCode = 2;
}
