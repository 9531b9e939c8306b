/**
 * Fetches the package files from the repository, several at once, each checked against the digest
 * that the manifest pins. A file that does not match is never used.
 */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { Agent, get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet, Agent as SecureAgent } from 'node:https';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ResolvedPackage } from '../../manifest/installation-manifest.ts';
import { eachConcurrently } from '../../system/concurrently.ts';
import { counted } from '../../system/counted.ts';
import { messageOf, PvmcError, systemCodeOf } from '../../system/error.ts';
import { formatSize } from '../../system/size.ts';
import type { InstallContext, Step } from '../step.ts';

const CONNECTIONS = 6;
const MAXIMUM_REDIRECTS = 5;

/** How much is borne of a repository. */
export interface Patience {
  readonly attempts: number;
  /** How long nothing may come. */
  readonly stalledMilliseconds: number;
  /** The wait before the second attempt; it doubles with each further one. */
  readonly retryMilliseconds: number;
}

const PATIENCE: Patience = {
  attempts: 4,
  stalledMilliseconds: 60_000,
  retryMilliseconds: 2000,
};

export const fetchPackages: Step<InstallContext> = {
  name: 'fetch',
  title: 'Fetch the packages',
  plan: ({ packages }) => [
    `${counted(packages.length, 'package file')}, ${formatSize(downloadBytes(packages))}, each compared with its pinned SHA-256`,
  ],
  run: (context) => fetchAll(context, PATIENCE),
};

/** Fetches all packages. When one cannot be had nothing is written any more. @throws PvmcError */
export async function fetchAll(context: InstallContext, patience: Patience): Promise<void> {
  const { packages } = context.manifest;
  const totalBytes = downloadBytes(packages);
  let doneBytes = 0;
  const agents = {
    http: new Agent({ keepAlive: true, maxSockets: CONNECTIONS }),
    https: new SecureAgent({ keepAlive: true, maxSockets: CONNECTIONS }),
  };
  const onBytes = (bytes: number) => {
    doneBytes += bytes;
    context.progress.amount({ done: doneBytes, total: totalBytes, unit: 'bytes' });
  };
  const concurrency = { limit: CONNECTIONS, signal: context.progress.signal };
  try {
    // Waits for all: a file still open would keep the scratch file system from being unmounted.
    await eachConcurrently(largestFirst(packages), concurrency, (one, signal) =>
      fetchPackage(one, { context, patience, agents, signal, onBytes }),
    );
  } finally {
    agents.http.destroy();
    agents.https.destroy();
  }
}

/** The file of a package in the workspace. */
export function packageFile(folder: string, one: ResolvedPackage): string {
  return join(folder, `${one.name}_${one.architecture}.deb`);
}

interface Fetching {
  readonly context: InstallContext;
  readonly patience: Patience;
  /** Aborted when the run ends, or another package cannot be had. */
  readonly signal: AbortSignal;
  readonly agents: { readonly http: Agent; readonly https: SecureAgent };
  readonly onBytes: (bytes: number) => void;
}

/** The kernel is larger than all the rest together: begun last, it would be waited for alone. */
function largestFirst(packages: readonly ResolvedPackage[]): ResolvedPackage[] {
  return [...packages].sort((a, b) => b.sizeBytes - a.sizeBytes);
}

async function fetchPackage(one: ResolvedPackage, fetching: Fetching): Promise<void> {
  const { context, patience, signal } = fetching;
  const { attempts, retryMilliseconds } = patience;
  for (let attempt = 1; ; attempt += 1) {
    let received = 0;
    try {
      await fetchOnce(one, {
        ...fetching,
        onBytes: (bytes) => {
          received += bytes;
          fetching.onBytes(bytes);
        },
      });
      return;
    } catch (thrown) {
      signal.throwIfAborted();
      fetching.onBytes(-received);
      if (attempt === attempts || isFinal(thrown)) throw thrown;
      context.progress.log(
        `${messageOf(thrown)}; trying again (${attempt} of ${attempts - 1})`,
        'fetch',
      );
      await sleep(retryMilliseconds * 2 ** (attempt - 1), undefined, { signal });
    }
  }
}

async function fetchOnce(one: ResolvedPackage, fetching: Fetching): Promise<void> {
  const { context, signal, onBytes } = fetching;
  const target = packageFile(context.workspace.packages, one);
  const response = await request(new URL(one.url), fetching).catch((thrown: unknown) => {
    throw unreachable(one, thrown);
  });
  if (response.statusCode !== 200) {
    response.resume();
    throw refused(one, response.statusCode ?? 0);
  }
  const hash = createHash('sha256');
  let size = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      onBytes(chunk.length);
      done(
        size > one.sizeBytes ? mismatch(one, `more than ${counted(one.sizeBytes, 'byte')}`) : null,
        chunk,
      );
    },
  });
  const file = createWriteStream(`${target}.partial`);
  try {
    await pipeline(response, counter, file, { signal });
  } catch (thrown) {
    if (thrown instanceof PvmcError) throw thrown;
    throw systemCodeOf(thrown) === 'ENOSPC' ? diskFull(one) : unreachable(one, thrown);
  } finally {
    if (!file.closed) await new Promise<void>((closed) => file.once('close', closed));
  }
  if (size < one.sizeBytes && !tellsItsLength(response)) {
    throw unreachable(
      one,
      new Error(`it ended after ${size} of ${counted(one.sizeBytes, 'byte')}`),
    );
  }
  const digest = hash.digest('hex');
  if (digest !== one.sha256) throw mismatch(one, `SHA-256 ${digest}, ${counted(size, 'byte')}`);
  await rename(`${target}.partial`, target);
}

/** Of an answer that does not, nobody can say whether it is whole or was cut off. */
function tellsItsLength({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

function request(url: URL, fetching: Fetching, redirects = 0): Promise<IncomingMessage> {
  const { agents, signal, patience } = fetching;
  const secure = url.protocol === 'https:';
  return new Promise((resolve, reject) => {
    const sent = (secure ? httpsGet : httpGet)(
      url,
      { agent: secure ? agents.https : agents.http, signal },
      (response) => {
        const { location } = response.headers;
        if (!location || (response.statusCode ?? 0) < 300 || (response.statusCode ?? 0) >= 400)
          return resolve(response);
        response.resume();
        const target = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
        if (!target) return reject(new Error(`it redirects to ${location}, which is no address`));
        if (redirects === MAXIMUM_REDIRECTS) return reject(new Error('too many redirections'));
        return resolve(request(target, fetching, redirects + 1));
      },
    );
    let answer: IncomingMessage | undefined;
    sent.on('response', (response) => {
      answer = response;
    });
    sent.setTimeout(patience.stalledMilliseconds, () => {
      const stalled = new Error(`nothing came for ${patience.stalledMilliseconds / 1000} s`);
      (answer ?? sent).destroy(stalled);
    });
    sent.on('error', reject);
  });
}

/** Errors that a repeated request cannot cure. */
function isFinal(thrown: unknown): boolean {
  return (
    thrown instanceof PvmcError &&
    ['package-gone', 'package-digest', 'disk-full'].includes(thrown.code)
  );
}

function unreachable(one: ResolvedPackage, cause: unknown): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'repository-unreachable',
    message: `the repository does not give ${one.url}: ${messageOf(cause)}`,
    hint: 'Does repository.mirror answer from the machine, too? It goes out through NAT, where 127.0.0.1 is the machine itself.',
    cause,
  });
}

function diskFull(one: ResolvedPackage): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'disk-full',
    message: `the machine's disk is full: ${one.name} has no room on it`,
    hint: 'Give the machine a larger disk: machine.disk in the manifest.',
  });
}

function refused(one: ResolvedPackage, status: number): PvmcError {
  const gone = status === 404 || status === 410;
  return new PvmcError({
    kind: 'construct',
    code: gone ? 'package-gone' : 'repository-refused',
    message: `the repository answers ${one.url} with HTTP status ${status}`,
    hint: gone
      ? 'The repository has moved on since this medium was made. Build again: that resolves the packages afresh.'
      : 'Try again later, or name another repository.mirror.',
  });
}

function mismatch(one: ResolvedPackage, got: string): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'package-digest',
    message: `${one.url} is not the file that was pinned: ${got} instead of SHA-256 ${one.sha256}, ${counted(one.sizeBytes, 'byte')}`,
    hint: 'Something between the repository and the machine changes files, or the mirror is broken. Name another repository.mirror.',
  });
}

function downloadBytes(packages: readonly ResolvedPackage[]): number {
  return packages.reduce((sum, one) => sum + one.sizeBytes, 0);
}
