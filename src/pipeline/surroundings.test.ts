/** What a run takes from the environment and the speed of the computer. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { verifyLimits } from '../verify/limits.ts';
import { cacheFolder } from './cache-folder.ts';
import { limitsFor, slowLine } from './limits.ts';
import { sourceDateEpoch } from './source-date-epoch.ts';
import { RELEASE_EPOCH } from './version.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('the cache folder', () => {
  test('is the given one, whatever the environment says', () => {
    vi.stubEnv('XDG_CACHE_HOME', '/var/cache/me');
    expect(cacheFolder('here')).toBe('here');
  });

  test('is the environment’s', () => {
    vi.stubEnv('XDG_CACHE_HOME', '/var/cache/me');
    expect(cacheFolder(undefined)).toBe('/var/cache/me/pvmc');
  });

  test.each([undefined, '', 'relative/path'])('is below the home folder for %j', (configured) => {
    vi.stubEnv('XDG_CACHE_HOME', configured);
    expect(cacheFolder(undefined)).toBe(join(homedir(), '.cache/pvmc'));
  });
});

describe('SOURCE_DATE_EPOCH', () => {
  const epoch = (text: string | undefined) => sourceDateEpoch({ SOURCE_DATE_EPOCH: text });

  test.each([undefined, ''])('%j means this release', (text) => {
    expect(epoch(text)).toBe(RELEASE_EPOCH);
  });

  test.each(['315532800', '1760000000', '4102444799'])('%s is taken', (text) => {
    expect(epoch(text)).toBe(Number(text));
  });

  test.each([
    '315532799',
    '4102444800',
    '0',
    '-1',
    '1e9',
    '1760000000.5',
    ' 1760000000',
    '0x68e77800',
    '99999999999999999999',
    'today',
  ])('%j is refused', (text) => {
    const message: unknown = expect.stringContaining(`SOURCE_DATE_EPOCH is "${text}"`);
    expect(() => epoch(text)).toThrow(
      expect.objectContaining({ kind: 'usage', code: 'bad-source-date-epoch', message }),
    );
  });
});

describe('limits', () => {
  test('software emulation gets more time where the guest works, and no less anywhere', () => {
    const usual = limitsFor({ available: true }, {});
    const emulated = limitsFor({ available: false }, {});
    for (const stage of ['boot', 'construct', 'verify', 'silence'] as const) {
      expect(emulated[stage]).toBeGreaterThan(usual[stage]);
    }
    for (const stage of ['media', 'machine', 'start', 'export'] as const) {
      expect(emulated[stage]).toBe(usual[stage]);
    }
  });

  test('an interpreter gets more again', () => {
    const emulated = limitsFor({ available: false }, {});
    const interpreted = limitsFor({ available: false, interpreted: true }, {});
    for (const stage of ['start', 'boot', 'construct', 'verify', 'silence'] as const)
      expect(interpreted[stage]).toBeGreaterThan(emulated[stage]);
    const boot = verifyLimits({ available: false });
    const slower = verifyLimits({ available: false, interpreted: true });
    for (const name of Object.keys(boot) as (keyof typeof boot)[])
      expect(slower[name]).toBeGreaterThan(boot[name]);
  });

  test('the user’s count before both', () => {
    const timeouts = { boot: 7, silence: 8 };
    for (const available of [true, false]) {
      expect(limitsFor({ available }, timeouts)).toEqual({
        ...limitsFor({ available }, {}),
        boot: 7,
        silence: 8,
      });
    }
  });

  test('what emulation costs is said with its reason', () => {
    const none = { available: false, why: 'no /dev/kvm' };
    expect(slowLine(none)).toBe(
      'No hardware virtualization (no /dev/kvm): the guest runs in software emulation, some fifteen times slower.',
    );
    expect(slowLine({ ...none, interpreted: true })).toContain('some hundred times slower');
  });
});
