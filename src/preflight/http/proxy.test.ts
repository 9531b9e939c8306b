import { expect, test } from 'vitest';
import { proxyFor } from './proxy.ts';

const http = new URL('http://deb.debian.org/debian');
const https = new URL('https://deb.debian.org/debian');

test('each scheme has its own', () => {
  const environment = { http_proxy: 'http://one:3128', https_proxy: 'two:8080' };
  expect(proxyFor(http, environment)?.host).toBe('one:3128');
  expect(proxyFor(https, environment)?.host).toBe('two:8080');
  expect(proxyFor(https, { http_proxy: 'http://one:3128' })).toBeUndefined();
});

test.each(['', 'DIRECT', 'http://['])('%j is none', (http_proxy) => {
  expect(proxyFor(http, { http_proxy })).toBeUndefined();
});

test.each([
  ['deb.debian.org', true],
  ['localhost,.debian.org', true],
  ['DEBIAN.ORG', true],
  ['example.org', false],
  ['', false],
  [',', false],
])('no_proxy=%s', (no_proxy, isDirect) => {
  const found = proxyFor(http, { http_proxy: 'http://one:3128', no_proxy });
  expect(found === undefined).toBe(isDirect);
});
