/**
 * A serial line between a test and itself: a pseudo-terminal, whose far end is read here as the host
 * reads a machine's. Node makes none, so script(1) does.
 */
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { LinkDecoder, type LinkEvent } from '../../link/protocol.ts';

export interface SerialLine extends AsyncDisposable {
  /** The guest's end: `/dev/pts/3`. */
  readonly path: string;
  /** The host speaks. */
  say(text: string): void;
  /** What arrived at the host's end so far. */
  readonly events: readonly LinkEvent[];
  /** Resolves when a message that pleases has arrived. */
  until(pleases: (message: unknown) => boolean): Promise<void>;
}

export async function serialLine(): Promise<SerialLine> {
  const program = spawn(
    'script',
    ['--quiet', '--command', 'tty; echo $$; exec sleep 600', '/dev/null'],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const decoder = new LinkDecoder();
  const events: LinkEvent[] = [];
  const terminal = { path: '', holder: 0 };
  let beginning = '';
  const changes = new EventEmitter();
  program.stdout.on('data', (bytes: Buffer) => {
    if (terminal.path === '') {
      beginning += bytes.toString();
      const told = /^(\/dev\/\S+)\s+(\d+)\r?\n/.exec(beginning);
      terminal.path = told?.[1] ?? '';
      terminal.holder = Number(told?.[2]);
    } else {
      events.push(...decoder.push(bytes));
    }
    changes.emit('arrived');
  });
  while (terminal.path === '') await once(changes, 'arrived');
  return {
    path: terminal.path,
    events,
    say: (text) => void program.stdin.write(text),
    async until(pleases) {
      const pleased = (event: LinkEvent) => event.type === 'message' && pleases(event.message);
      while (!events.some(pleased)) await once(changes, 'arrived');
    },
    async [Symbol.asyncDispose]() {
      process.kill(terminal.holder);
      await once(program, 'close');
    },
  };
}
