/**
 * Whether the repositories answer, with what apt asks them for first: the signed Release file. It also
 * tells the time, twice: the server's clock, and from when until when the file is valid.
 */
import { eachConcurrently } from '../../system/concurrently.ts';
import { formatDuration } from '../../system/size.ts';
import { type Check, type Cure, type Finding, ok, problem, warning } from '../finding.ts';
import { type FailureCause, lookAt, type Seen } from '../http/look.ts';
import { type Environment, proxyFor } from '../http/proxy.ts';
import { type Who, whoRunsUs } from '../who.ts';
import { utc } from './clock.ts';

/** A place of packages: a URL, and a suite or, for a repository without suites, a path with a slash. */
export interface Repository {
  readonly url: string;
  readonly suite: string;
}

export interface MirrorOptions {
  readonly repositories: readonly Repository[];
  readonly environment?: Environment;
  /** For each; below what a check may take. */
  readonly silenceSeconds?: number;
  readonly now?: () => number;
}

const SILENCE_SECONDS = 3;
/** Looking up names occupies Node's few threads, which the other checks need too. */
const AT_A_TIME = 2;

export function mirror(options: MirrorOptions): Check {
  const { repositories, environment = process.env } = options;
  return {
    name: repositories.length > 1 ? 'repositories' : 'repository',
    ifItHangs: 'problem',
    look: async (signal) => {
      const who = await whoRunsUs();
      const findings = new Map<Repository, readonly Finding[]>();
      await eachConcurrently(repositories, { limit: AT_A_TIME, signal }, async (repository) => {
        const deadline = AbortSignal.timeout((options.silenceSeconds ?? SILENCE_SECONDS) * 1000);
        const seen = await lookAt({
          url: releaseUrl(repository),
          environment,
          signal: AbortSignal.any([signal, deadline]),
        });
        const proxy = proxyFor(new URL(repository.url), environment);
        const now = options.now?.() ?? Date.now() / 1000;
        findings.set(repository, judge(seen, { repository, proxy, now, who }));
      });
      return withoutRepetition(repositories.flatMap((each) => findings.get(each) ?? []));
    },
  };
}

function releaseUrl({ url, suite }: Repository): string {
  const base = url.replace(/\/+$/, '');
  return suite.endsWith('/') ? `${base}/${suite}InRelease` : `${base}/dists/${suite}/InRelease`;
}

interface Circumstances {
  readonly repository: Repository;
  readonly proxy: URL | undefined;
  readonly now: number;
  readonly who: Who;
}

function judge(seen: Seen, circumstances: Circumstances): readonly Finding[] {
  const { repository, proxy } = circumstances;
  const place = `${repository.url} ${repository.suite}`;
  const via = proxy === undefined ? '' : ` through the proxy ${proxy.host}`;
  if (seen.kind === 'failure')
    return [
      problem(`${place} ${WHAT_FAILED[seen.cause](seen.message)}${via}`, cureOf(seen.cause, proxy)),
    ];
  if (seen.status === 404)
    return [
      problem(`${place} does not exist on that server (404)`, {
        advice:
          'See that `repository.mirror` and `suite` are right: there must be a `dists` folder below the URL.',
      }),
    ];
  if (seen.status !== 200)
    return [
      problem(`${place} is refused with status ${seen.status}${via}`, cureOf('other', proxy)),
    ];
  if (!seen.text.startsWith('-----BEGIN PGP SIGNED MESSAGE-----'))
    return [
      problem(`${place}: something else than a repository answers${via}`, {
        advice: 'A proxy or the sign-in page of a network may have answered instead.',
      }),
    ];
  return [ok(`${place} answers${via}`), ...timeFindings(seen, circumstances)];
}

const WHAT_FAILED: Readonly<Record<FailureCause, (message: string) => string>> = {
  'no-such-host': () => 'does not answer: no such host, or no name server',
  refused: () => 'does not answer: the connection is refused',
  'no-route': () => 'cannot be reached: there is no network',
  silent: () => 'does not answer in time',
  tls: (message) => `has no certificate that is trusted here: ${message}`,
  proxy: (message) => `cannot be reached: ${message}`,
  other: (message) => `cannot be read: ${message}`,
};

function cureOf(cause: FailureCause, proxy: URL | undefined): Cure {
  if (proxy !== undefined)
    return {
      advice: 'See that the proxy of http_proxy or https_proxy is right, or do without:',
      commands: ['unset http_proxy https_proxy'],
    };
  if (cause === 'tls')
    return { advice: 'See that the package ca-certificates is installed and the clock is right.' };
  return {
    advice:
      'See that this computer has a network and that the URL is right; behind a proxy set http_proxy. ' +
      'Else choose another mirror: `repository.mirror` in the manifest.',
  };
}

/** A clock is never quite that of another. */
const TOLERATED_SECONDS = 5 * 60;

/** apt refuses a Release file from the future, and one that is no longer valid. */
function timeFindings(
  seen: Extract<Seen, { readonly kind: 'answer' }>,
  { repository, now, who }: Circumstances,
): readonly Finding[] {
  const { date: theirs, text } = seen;
  const difference = theirs === undefined ? 0 : now - theirs;
  const isOff = Math.abs(difference) > TOLERATED_SECONDS;
  const written = releaseTime(text, 'Date');
  const validUntil = releaseTime(text, 'Valid-Until');
  const place = `${repository.url} ${repository.suite}`;
  const cure = isOff && theirs !== undefined ? clockCure(theirs, who) : undefined;
  if (written !== undefined && written > now)
    return [
      problem(
        `${place} is not valid yet: its index is of ${utc(written)}, and here it is ${utc(now)}`,
        cure,
      ),
    ];
  if (validUntil !== undefined && validUntil < now)
    return [
      problem(
        `${place} is out of date: its index was valid until ${utc(validUntil)}, and here it is ${utc(now)}`,
        cure ?? {
          advice: 'Choose a mirror that is kept up to date: `repository.mirror` in the manifest.',
        },
      ),
    ];
  if (!isOff) return [];
  const much = formatDuration(Math.abs(difference));
  return [
    warning(
      `this computer’s clock is ${much} ${difference > 0 ? 'ahead of' : 'behind'} the mirror’s`,
      cure,
    ),
  ];
}

function clockCure(theirs: number, { asRoot }: Who): Cure {
  return {
    advice:
      'Set the clock; where there is no time server, the second command takes the mirror’s time.',
    commands: [asRoot('timedatectl set-ntp true'), asRoot(`date --utc --set='${utc(theirs)}'`)],
  };
}

/** In seconds since 1970: `Date: Sat, 15 Nov 2025 10:23:13 UTC`. */
function releaseTime(text: string, field: string): number | undefined {
  const milliseconds = Date.parse(new RegExp(`^${field}: (.*)$`, 'm').exec(text)?.[1] ?? '');
  return Number.isNaN(milliseconds) ? undefined : milliseconds / 1000;
}

/** The suites of one server share its clock. */
function withoutRepetition(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter(
    ({ finding }, index) => findings.findIndex((other) => other.finding === finding) === index,
  );
}
