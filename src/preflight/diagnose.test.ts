import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { PvmcError } from '../system/error.ts';
import { DEADLINE_SECONDS, diagnose, isReady, notReady, warningLines } from './diagnose.ts';
import { type Check, type Finding, ok, problem, warning } from './finding.ts';

const { signal } = new AbortController();

function check(
  name: string,
  look: Check['look'],
  ifItHangs: Check['ifItHangs'] = 'warning',
): Check {
  return { name, ifItHangs, look };
}

const finds = (name: string, ...findings: readonly Finding[]) => check(name, async () => findings);

describe('diagnose', () => {
  test('makes all checks at once and keeps their order', async () => {
    const slow = check('slow', async () => {
      await sleep(50);
      return [ok('at last')];
    });
    const results = await diagnose([slow, finds('quick', ok('at once'))], { signal });
    expect(results).toEqual([
      { name: 'slow', findings: [ok('at last')] },
      { name: 'quick', findings: [ok('at once')] },
    ]);
  });

  test('leaves a check alone that hangs, and tells it to end', async () => {
    let told = false;
    const hangs = check(
      'file server',
      (end) => {
        end.addEventListener('abort', () => {
          told = true;
        });
        return new Promise(() => {});
      },
      'problem',
    );
    const results = await diagnose([hangs], { signal, deadlineSeconds: 0.05 });
    expect(results[0]?.findings).toEqual([
      { state: 'problem', finding: 'the look at it did not end within 0.05 s' },
    ]);
    expect(told).toBe(true);
  });

  test('waits for a check that a busy computer makes slow', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const slow = check('busy', async () => {
        await new Promise((resolve) => setTimeout(resolve, (DEADLINE_SECONDS - 1) * 1000));
        return [ok('at last')];
      });
      const looked = diagnose([slow], { signal });
      await vi.advanceTimersByTimeAsync(DEADLINE_SECONDS * 1000);
      expect((await looked)[0]?.findings).toEqual([ok('at last')]);
      expect(DEADLINE_SECONDS).toBeGreaterThanOrEqual(30);
    } finally {
      vi.useRealTimers();
    }
  });

  test('takes a check that fails for a warning', async () => {
    const fails = check('broken', () => Promise.reject(new Error('EIO: i/o error')));
    const results = await diagnose([fails], { signal });
    expect(results[0]?.findings).toEqual([warning('could not be looked at: EIO: i/o error')]);
  });

  test('tells a cure of several problems once', async () => {
    const cure = { commands: ['apt-get install all'] };
    const results = await diagnose(
      [finds('programs', problem('no a', cure), problem('no b', cure), problem('no c'))],
      { signal },
    );
    expect(results[0]?.findings).toEqual([problem('no a'), problem('no b', cure), problem('no c')]);
  });

  test('ends at once when it is interrupted', async () => {
    const stop = new AbortController();
    const hanging = diagnose([check('long', () => new Promise(() => {}))], { signal: stop.signal });
    stop.abort(new PvmcError({ kind: 'interrupted', code: 'interrupted', message: 'stopped' }));
    await expect(hanging).rejects.toThrow('stopped');
  });
});

describe('what follows', () => {
  const results = [
    { name: 'memory', findings: [problem('is little', { advice: 'Buy some.' })] },
    {
      name: 'clock',
      findings: [ok('ticks'), problem('is wrong', { commands: ['date --set=now', 'hwclock -w'] })],
    },
    { name: 'KVM', findings: [warning('is slow', { advice: 'Wait.', commands: ['sleep 9'] })] },
  ];

  test('one error lists all problems with their cures', () => {
    const error = notReady(results);
    expect(error).toMatchObject({ kind: 'host', code: 'not-ready' });
    expect(error?.message).toBe('2 problems of this computer keep builds from running');
    expect(error?.details).toEqual([
      'memory: is little',
      '  Buy some.',
      'clock: is wrong',
      '  $ date --set=now',
      '  $ hwclock -w',
    ]);
    expect(notReady(results, 'told')?.details).toEqual([]);
    expect(isReady(results)).toBe(false);
  });

  test('warnings prevent nothing and are one line each', () => {
    const warnings = results.slice(2);
    expect(isReady(warnings)).toBe(true);
    expect(notReady(warnings)).toBeUndefined();
    expect(warningLines(results)).toEqual(['KVM: is slow. To cure it: Wait.; sleep 9']);
  });
});
