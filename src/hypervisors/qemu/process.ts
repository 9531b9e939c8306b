/**
 * QEMU as a process of its own group that cannot outlive us: the kernel kills it when our process
 * ends, however that ends (`setpriv --pdeathsig`). Its words go to a log file.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { cleanEnvironment, signalGroup } from '../../system/run.ts';
import { CONSOLE_DESCRIPTOR, LINK_DESCRIPTOR, QMP_DESCRIPTOR } from './command-line.ts';

export interface ProcessEnd {
  /** Null when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not be started at all. */
  readonly failure?: string;
}

export interface QemuProcess {
  readonly pid: number | undefined;
  readonly qmp: Duplex;
  readonly link: Duplex;
  /** Of a machine whose console is open. */
  readonly console: Duplex | undefined;
  /** Resolves when the process is gone; what it wrote to `link` may still be read then. */
  readonly ended: Promise<ProcessEnd>;
  kill(): void;
  /** Lets a process go on that was stopped (SIGCONT). */
  wake(): void;
}

export interface ProcessOptions {
  readonly argv: readonly string[];
  /** What QEMU says is appended there. */
  readonly logPath: string;
  readonly openConsole: boolean;
}

export function startProcess({ argv, logPath, openConsole }: ProcessOptions): QemuProcess {
  const log = openSync(logPath, 'a', 0o600);
  try {
    const child = spawn('setpriv', ['--pdeathsig', 'SIGKILL', ...argv], {
      detached: true,
      env: cleanEnvironment(),
      stdio: ['ignore', log, log, 'pipe', 'pipe', ...(openConsole ? ['pipe' as const] : [])],
    });
    const signal = (name: NodeJS.Signals) => {
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
        signalGroup(child.pid, name);
    };
    return {
      pid: child.pid,
      qmp: inheritedSocket(child, QMP_DESCRIPTOR),
      link: inheritedSocket(child, LINK_DESCRIPTOR),
      console: openConsole ? inheritedSocket(child, CONSOLE_DESCRIPTOR) : undefined,
      ended: endOf(child),
      kill: () => signal('SIGKILL'),
      wake: () => signal('SIGCONT'),
    };
  } finally {
    closeSync(log);
  }
}

function inheritedSocket(child: ChildProcess, descriptor: number): Duplex {
  const stream = child.stdio[descriptor];
  if (!(stream instanceof Duplex)) throw new TypeError(`descriptor ${descriptor} is no socket`);
  stream.on('error', () => {});
  return stream;
}

function endOf(child: ChildProcess): Promise<ProcessEnd> {
  return new Promise((resolve) => {
    child.on('error', ({ message }) => resolve({ status: null, signal: null, failure: message }));
    child.on('exit', (status, signal) => resolve({ status, signal }));
  });
}
