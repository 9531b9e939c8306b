/**
 * The host's end of the link: the bytes of the machine's second serial line become checked messages
 * and files. Noise is left out, and one note tells of it; only an other end that speaks another version
 * of the protocol ends the conversation.
 */
import { PvmcError } from '../system/error.ts';
import { plainText } from '../system/plain-text.ts';
import { checkMessage } from './guest-message.ts';
import { type GuestMessage, LINK_VERSION, LinkDecoder, type LinkEvent } from './protocol.ts';
import { ReceivedFiles } from './received-files.ts';

/** What the reader of the link hears. Pieces of files are put together on the way. */
export type HeardMessage = Exclude<GuestMessage, { readonly type: 'file' }>;

export interface LinkOptions {
  /** Where files from the guest are put. Made when the first one comes. */
  readonly filesFolder: string;
  /** Told each message, in order. */
  readonly onMessage: (message: HeardMessage) => void;
  /** Told of every sign of life, pieces of files and messages of an unknown type among them. */
  readonly onAlive?: (() => void) | undefined;
  /** What the log should know of the link itself; said once for each kind of trouble. */
  readonly note: (line: string) => void;
}

/** A version's digit may be noise too: so many before the first message of ours are none. */
const FOREIGN_LINES = 3;

/**
 * Reads the link to its end.
 * @throws PvmcError `link-foreign-version` when the guest's constructor is of another release;
 * `no-space`, `file-not-written` when a file of the guest cannot be kept.
 */
export async function receiveLink(
  link: AsyncIterable<Uint8Array>,
  options: LinkOptions,
): Promise<void> {
  const receiver = new Receiver(options);
  const decoder = new LinkDecoder();
  try {
    for await (const bytes of link) await receiver.takeAll(decoder.push(bytes));
    await receiver.takeAll(decoder.end());
  } finally {
    await receiver.close();
  }
}

class Receiver {
  readonly #options: LinkOptions;
  readonly #files: ReceivedFiles;
  readonly #said = new Set<string>();
  #messages = 0;
  #foreignLines = 0;
  #noisy = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#files = new ReceivedFiles(options.filesFolder, (line) => this.#noteOnce(line));
  }

  async takeAll(events: readonly LinkEvent[]): Promise<void> {
    for (const event of events) await this.#take(event);
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  async #take(event: LinkEvent): Promise<void> {
    switch (event.type) {
      case 'message':
        await this.#message(event.message);
        return;
      case 'foreign-version':
        this.#foreign(event.version);
        return;
      case 'noise':
        this.#noise(event.text);
        return;
    }
  }

  async #message(said: unknown): Promise<void> {
    this.#options.onAlive?.();
    const checked = checkMessage(said);
    if (!checked.known) {
      this.#noteOnce(`the guest said ${checked.why}; it is left out`);
      return;
    }
    this.#messages += 1;
    if (checked.message.type === 'file') await this.#files.take(checked.message);
    else this.#options.onMessage(checked.message);
  }

  #foreign(version: number): void {
    this.#foreignLines += 1;
    if (this.#messages > 0 || this.#foreignLines < FOREIGN_LINES) return;
    throw new PvmcError({
      kind: 'machine',
      code: 'link-foreign-version',
      message: `the guest's constructor speaks version ${version} of the link's protocol, this pvmc version ${LINK_VERSION}`,
      hint: 'The medium was made by another release of pvmc: build it anew.',
    });
  }

  /** The first line of it tells where it comes from; the rest is as foreign. */
  #noise(text: string): void {
    if (this.#noisy) return;
    this.#noisy = true;
    this.#noteOnce(
      `something other than the constructor writes to the link; it is left out: ${JSON.stringify(plainText(text))}`,
    );
  }

  /** A guest that repeats itself must not fill the log; one that varies its words, neither. */
  #noteOnce(line: string): void {
    if (this.#said.has(line) || this.#said.size >= 100) return;
    this.#said.add(line);
    this.#options.note(line);
  }
}
