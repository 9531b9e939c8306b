/** SOURCE_DATE_EPOCH, as reproducible-builds.org specifies it. */
import { PvmcError } from '../system/error.ts';
import { RELEASE_EPOCH } from './version.ts';

/** ISO 9660 and FAT hold no earlier year, ustar and ext4 no problem with any later one below. */
const EARLIEST = Date.UTC(1980, 0, 1) / 1000;
const LATEST = Date.UTC(2100, 0, 1) / 1000;

/** The epoch that the environment asks for, or this release's. @throws PvmcError when it is none. */
export function sourceDateEpoch(environment: NodeJS.ProcessEnv = process.env): number {
  const text = environment['SOURCE_DATE_EPOCH'];
  if (text === undefined || text === '') return RELEASE_EPOCH;
  const seconds = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
  if (seconds >= EARLIEST && seconds < LATEST) return seconds;
  throw new PvmcError({
    kind: 'usage',
    code: 'bad-source-date-epoch',
    message: `SOURCE_DATE_EPOCH is "${text}"; it has to be a number of seconds since 1970, between the years 1980 and 2100`,
    hint: 'Unset it, or set it as in SOURCE_DATE_EPOCH=$(git log -1 --format=%ct).',
  });
}
