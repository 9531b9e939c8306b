/**
 * The process groups that we started and that still live. Whatever ends this process, also a second
 * Ctrl-C or a defect, ends them too: none of our programs outlives us. Against a kill -9, of which we
 * hear nothing, a shell watches over them; it sees the end of the pipe on which we tell it of them.
 */
import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { systemCodeOf } from './error.ts';

const live = new Set<number>();
let guarding = false;
let watcher: Writable | undefined;

/** Sends a signal to a process group; a group that is gone is fine. */
export function signalGroup(processId: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-processId, signal);
  } catch (thrown) {
    if (systemCodeOf(thrown) !== 'ESRCH') throw thrown;
  }
}

/**
 * Has the group of a process that was started `detached` killed when this process exits.
 * Returns how to end that guard, to be called when the group is gone.
 */
export function guardGroup(processId: number): () => void {
  if (!guarding) process.on('exit', killLiveGroups);
  guarding = true;
  live.add(processId);
  watcher ??= startWatcher();
  watcher.write(`+ ${processId}\n`);
  return () => {
    live.delete(processId);
    watcher?.write(`- ${processId}\n`);
  };
}

const WATCH = `
while read -r change group; do
  case $change in
    +) groups="$groups $group" ;;
    -)
      left=
      for one in $groups; do [ "$one" = "$group" ] || left="$left $one"; done
      groups=$left
      ;;
  esac
done
for one in $groups; do kill -KILL "-$one"; done`;

/** Ends when we do. In a session of its own, so that Ctrl-C does not end it before. */
function startWatcher(): Writable {
  const shell = spawn('/bin/sh', ['-c', WATCH], {
    detached: true,
    env: {},
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Without it we are as we were; and neither keeps this process from ending.
  shell.on('error', () => {});
  shell.stdin.on('error', () => {});
  shell.unref();
  if (shell.stdin instanceof Socket) shell.stdin.unref();
  return shell.stdin;
}

/** Ends every live group at once. */
export function killLiveGroups(): void {
  for (const processId of live) {
    try {
      signalGroup(processId, 'SIGKILL');
    } catch {
      // Nothing is left to tell it to, and the others must still be ended.
    }
  }
  live.clear();
}
