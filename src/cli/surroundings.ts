/** Where the program runs: its streams, environment and clock, and what its terminal can do. */

export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** In raw mode every key goes to who reads, Ctrl-C too. */
export interface InputStream extends NodeJS.ReadableStream {
  readonly isTTY?: boolean | undefined;
  setRawMode?(raw: boolean): unknown;
}

export interface Surroundings {
  readonly stdin: InputStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
  /** Seconds on a clock that never goes back. */
  readonly now: () => number;
}

/** The real ones. */
export function processSurroundings(): Surroundings {
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    workingFolder: process.cwd(),
    now: () => performance.now() / 1000,
  };
}

export interface Abilities {
  /** The stream is a terminal on which lines can be drawn again. */
  readonly live: boolean;
  readonly colour: boolean;
  readonly unicode: boolean;
}

/** What can be done on a stream. https://no-color.org: any value but an empty one turns colour off. */
export function abilitiesOf(stream: OutputStream, env: Surroundings['env']): Abilities {
  const smart = stream.isTTY === true && env['TERM'] !== 'dumb';
  return { live: smart, colour: smart && !env['NO_COLOR'], unicode: speaksUtf8(env) };
}

export const DEFAULT_COLUMNS = 80;

/** The stream's columns; narrower than 20 nothing sensible can be shown. */
export function columnsOf(stream: OutputStream): number {
  const { columns } = stream;
  return columns === undefined || columns <= 0 ? DEFAULT_COLUMNS : Math.max(columns, 20);
}

/** How wide lines of text may be: in a log, where people search, no line is broken or cut. */
export function lineWidthOf(stream: OutputStream): number {
  return stream.isTTY === true ? columnsOf(stream) : Number.POSITIVE_INFINITY;
}

/** The first of these that is set and not empty decides, as for setlocale(3). */
function speaksUtf8(env: Surroundings['env']): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return /utf-?8/i.test(locale);
}
