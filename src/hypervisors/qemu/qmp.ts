/**
 * QMP, QEMU's machine protocol, as far as we need it: JSON lines over a stream, commands matched to
 * their replies by id, events as they come. Every command has a deadline, and everything that waits
 * ends when the stream does.
 */
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { PvmcError } from '../../system/error.ts';

const QmpLine = z.union([
  z.object({ QMP: z.object({}).loose() }).transform(() => ({ kind: 'greeting' as const })),
  z
    .object({ event: z.string(), data: z.record(z.string(), z.unknown()).default({}) })
    .transform((line) => ({ kind: 'event' as const, name: line.event, data: line.data })),
  z
    .object({ id: z.number(), return: z.unknown() })
    .transform((line) => ({ kind: 'return' as const, id: line.id, value: line.return })),
  z
    .object({ id: z.number().optional(), error: z.object({ class: z.string(), desc: z.string() }) })
    .transform((line) => ({ kind: 'error' as const, id: line.id, reason: line.error.desc })),
]);

export interface QmpEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Waiting {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (failure: PvmcError) => void;
  readonly timer: NodeJS.Timeout;
}

const DEFAULT_DEADLINE_SECONDS = 20;

export class QmpClient {
  /** Resolves when the stream has ended. */
  readonly closed: Promise<void>;
  readonly #stream: Duplex;
  readonly #onEvent: (event: QmpEvent) => void;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #greeted = () => {};
  readonly #greeting = new Promise<void>((resolve) => {
    this.#greeted = resolve;
  });

  private constructor(stream: Duplex, onEvent: (event: QmpEvent) => void) {
    this.#stream = stream;
    this.#onEvent = onEvent;
    this.closed = this.#read();
  }

  /**
   * Speaks the greeting and enters command mode. Events are handed to `onEvent` from the first one on.
   * @throws PvmcError `qmp-closed` or `qmp-timeout`.
   */
  static async connect(
    stream: Duplex,
    onEvent: (event: QmpEvent) => void,
    deadlineSeconds = DEFAULT_DEADLINE_SECONDS,
  ): Promise<QmpClient> {
    const client = new QmpClient(stream, onEvent);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(timeout('its greeting', deadlineSeconds)),
        deadlineSeconds * 1000,
      );
    });
    try {
      const ended = client.closed.then(() => Promise.reject(closedBefore('its greeting')));
      await Promise.race([client.#greeting, ended, late]);
    } finally {
      clearTimeout(timer);
    }
    await client.execute('qmp_capabilities');
    return client;
  }

  /**
   * Runs one command and returns its `return` value, which the caller checks.
   * @throws PvmcError `qmp-error` with QEMU's words, `qmp-timeout`, `qmp-closed`.
   */
  execute(
    command: string,
    args: Readonly<Record<string, unknown>> = {},
    deadlineSeconds = DEFAULT_DEADLINE_SECONDS,
  ): Promise<unknown> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      if (this.#stream.destroyed || !this.#stream.writable) {
        reject(closedBefore(`its answer to ${command}`));
        return;
      }
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(timeout(`its answer to ${command}`, deadlineSeconds));
      }, deadlineSeconds * 1000);
      this.#waiting.set(id, { command, resolve, reject, timer });
      this.#stream.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    });
  }

  async #read(): Promise<void> {
    this.#stream.on('error', () => {});
    const lines = createInterface({
      input: this.#stream,
      crlfDelay: Number.POSITIVE_INFINITY,
    });
    // A reset of the connection is an end like any other.
    lines.on('error', () => lines.close());
    lines.on('line', (line) => this.#take(line));
    await new Promise<void>((resolve) => {
      lines.on('close', resolve);
      this.#stream.on('close', () => resolve());
    });
    for (const { command, reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(closedBefore(`its answer to ${command}`));
    }
    this.#waiting.clear();
  }

  #take(text: string): void {
    const line = parseLine(text);
    switch (line?.kind) {
      case 'greeting':
        this.#greeted();
        return;
      case 'event':
        this.#onEvent({ name: line.name, data: line.data });
        return;
      case 'return':
        this.#settle(line.id)?.resolve(line.value);
        return;
      case 'error': {
        const waiting = this.#settle(line.id);
        waiting?.reject(refused(waiting.command, line.reason));
        return;
      }
      case undefined:
        return;
    }
  }

  #settle(id: number | undefined): Waiting | undefined {
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (waiting === undefined || id === undefined) return undefined;
    clearTimeout(waiting.timer);
    this.#waiting.delete(id);
    return waiting;
  }
}

/** Undefined for what is no QMP at all; QEMU writes nothing else, so there is nobody to tell. */
function parseLine(text: string): z.infer<typeof QmpLine> | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  return QmpLine.safeParse(json).data;
}

function refused(command: string, reason: string): PvmcError {
  return new PvmcError({
    kind: 'machine',
    code: 'qmp-error',
    message: `QEMU refused ${command}: ${reason}`,
  });
}

function timeout(what: string, seconds: number): PvmcError {
  return new PvmcError({
    kind: 'machine',
    code: 'qmp-timeout',
    message: `QEMU did not give ${what} within ${seconds} s`,
    hint: 'The host may be overloaded or out of memory; look at its load and run the build again.',
  });
}

function closedBefore(what: string): PvmcError {
  return new PvmcError({
    kind: 'machine',
    code: 'qmp-closed',
    message: `QEMU ended before it gave ${what}`,
  });
}
