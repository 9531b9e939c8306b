/** This release. A test compares it with package.json. */
export const PVMC_VERSION = '0.1.0';

/**
 * Seconds since 1970 that files get at most, unless SOURCE_DATE_EPOCH says otherwise: the day of this
 * release. A fixed one, so that the same inputs give the same bits on another day.
 */
export const RELEASE_EPOCH = Date.UTC(2026, 10, 25) / 1000;
