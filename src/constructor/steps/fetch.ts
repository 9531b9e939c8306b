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
import { messageOf, PvmcError } from '../../system/error.ts';
import { formatSize } from '../../system/size.ts';
import type { Context, Step } from '../step.ts';

const CONNECTIONS = 6;
const ATTEMPTS = 4;
const STALLED_MILLISECONDS = 60_000;
const MAXIMUM_REDIRECTS = 5;

export const fetchPackages: Step = {
  name: 'fetch',
  title: 'Fetch the packages',
  plan: ({ packages }) => [
    `${packages.length} package files, ${formatSize(downloadBytes(packages))}, each compared with its pinned SHA-256`,
  ],
  async run(context) {
    const { packages } = context.manifest;
    const totalBytes = downloadBytes(packages);
    let doneBytes = 0;
    const agents = {
      http: new Agent({ keepAlive: true, maxSockets: CONNECTIONS }),
      https: new SecureAgent({ keepAlive: true, maxSockets: CONNECTIONS }),
    };
    const queue = largestFirst(packages);
    const worker = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        await fetchPackage(next, {
          context,
          agents,
          onBytes: (bytes) => {
            doneBytes += bytes;
            context.progress.amount({ done: doneBytes, total: totalBytes, unit: 'bytes' });
          },
        });
      }
    };
    try {
      await Promise.all(Array.from({ length: CONNECTIONS }, worker));
    } finally {
      agents.http.destroy();
      agents.https.destroy();
    }
  },
};

/** The file of a package in the workspace. */
export function packageFile(folder: string, one: ResolvedPackage): string {
  return join(folder, `${one.name}_${one.architecture}.deb`);
}

interface Fetching {
  readonly context: Context;
  readonly agents: { readonly http: Agent; readonly https: SecureAgent };
  readonly onBytes: (bytes: number) => void;
}

/** The kernel is larger than all the rest together: begun last, it would be waited for alone. */
function largestFirst(packages: readonly ResolvedPackage[]): ResolvedPackage[] {
  return [...packages].sort((a, b) => b.sizeBytes - a.sizeBytes);
}

async function fetchPackage(one: ResolvedPackage, fetching: Fetching): Promise<void> {
  const { context } = fetching;
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
      context.progress.signal.throwIfAborted();
      fetching.onBytes(-received);
      if (attempt === ATTEMPTS || isFinal(thrown)) throw thrown;
      context.progress.log(
        `${one.url}: ${messageOf(thrown)}; trying again (${attempt} of ${ATTEMPTS - 1})`,
        'fetch',
      );
      await sleep(1000 * 2 ** attempt, undefined, { signal: context.progress.signal });
    }
  }
}

async function fetchOnce(
  one: ResolvedPackage,
  { context, agents, onBytes }: Fetching,
): Promise<void> {
  const target = packageFile(context.workspace.packages, one);
  const { signal } = context.progress;
  const response = await request(new URL(one.url), { agents, signal, redirects: 0 }).catch(
    (thrown: unknown) => {
      throw unreachable(one, thrown);
    },
  );
  if (response.statusCode !== 200) {
    response.resume();
    throw refused(one, response.statusCode ?? 0);
  }
  const hash = createHash('sha256');
  let size = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      size += chunk.length;
      onBytes(chunk.length);
      done(size > one.sizeBytes ? mismatch(one, `more than ${one.sizeBytes} bytes`) : null, chunk);
    },
  });
  try {
    await pipeline(response, counted, createWriteStream(`${target}.partial`), { signal });
  } catch (thrown) {
    throw thrown instanceof PvmcError ? thrown : unreachable(one, thrown);
  }
  const digest = hash.digest('hex');
  if (digest !== one.sha256) throw mismatch(one, `SHA-256 ${digest}, ${size} bytes`);
  await rename(`${target}.partial`, target);
}

interface Request {
  readonly agents: Fetching['agents'];
  readonly signal: AbortSignal;
  readonly redirects: number;
}

function request(url: URL, options: Request): Promise<IncomingMessage> {
  const { agents, signal, redirects } = options;
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
        if (redirects === MAXIMUM_REDIRECTS) return reject(new Error('too many redirections'));
        return resolve(request(new URL(location, url), { ...options, redirects: redirects + 1 }));
      },
    );
    sent.setTimeout(STALLED_MILLISECONDS, () =>
      sent.destroy(new Error(`nothing came for ${STALLED_MILLISECONDS / 1000} s`)),
    );
    sent.on('error', reject);
  });
}

/** Errors that a repeated request cannot cure. */
function isFinal(thrown: unknown): boolean {
  return (
    thrown instanceof PvmcError &&
    (thrown.code === 'package-gone' || thrown.code === 'package-digest')
  );
}

function unreachable(one: ResolvedPackage, cause: unknown): PvmcError {
  return new PvmcError({
    kind: 'construct',
    code: 'repository-unreachable',
    message: `the repository does not give ${one.url}: ${messageOf(cause)}`,
    hint: 'Can the machine reach the mirror? machine.network must be nat, and repository.mirror must answer from there.',
    cause,
  });
}

function refused(one: ResolvedPackage, status: number): PvmcError {
  const gone = status === 404 || status === 410;
  return new PvmcError({
    kind: 'construct',
    code: gone ? 'package-gone' : 'repository-unreachable',
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
    message: `${one.url} is not the file that was pinned: ${got} instead of SHA-256 ${one.sha256}, ${one.sizeBytes} bytes`,
    hint: 'Something between the repository and the machine changes files, or the mirror is broken. Name another repository.mirror.',
  });
}

function downloadBytes(packages: readonly ResolvedPackage[]): number {
  return packages.reduce((sum, one) => sum + one.sizeBytes, 0);
}
