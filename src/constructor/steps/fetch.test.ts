import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, symlink } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { ResolvedPackage } from '../../manifest/installation-manifest.ts';
import { manifestSchema } from '../../manifest/schema.ts';
import { installationOf, rehearse } from '../testing/rehearsal.ts';
import { temporaryFolder } from '../testing/temporary-folder.ts';
import { fetchAll, packageFile } from './fetch.ts';

const PATIENCE = { attempts: 3, stalledMilliseconds: 20_000, retryMilliseconds: 10 };
const CONTENT = Buffer.alloc(100_000, 'package ');

const appliance = manifestSchema.parse({ name: 'tiny', version: '1.0' });

/** A mirror on this computer, gone with all its connections when it is disposed of. */
async function mirror(answer: RequestListener) {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function packageAt(url: string, changes: Partial<ResolvedPackage> = {}): ResolvedPackage {
  return {
    name: 'one',
    version: '1.0',
    architecture: 'amd64',
    url: `${url}/one.deb`,
    sizeBytes: CONTENT.length,
    sha256: createHash('sha256').update(CONTENT).digest('hex'),
    installedBytes: 0,
    batch: 0,
    ...changes,
  };
}

interface Attempt {
  readonly folder: string;
  readonly packages: readonly ResolvedPackage[];
  readonly signal?: AbortSignal;
  /** Long, unless a test wants to see it pass: this computer may be busy. */
  readonly stalledMilliseconds?: number;
}

function fetching({ folder, packages, signal, stalledMilliseconds }: Attempt) {
  const manifest = installationOf(appliance, { packages });
  const rehearsal = rehearse({ folder, manifest, signal });
  const patience = { ...PATIENCE, ...(stalledMilliseconds && { stalledMilliseconds }) };
  return { ...rehearsal, done: fetchAll(rehearsal.context, patience) };
}

describe('a good repository', () => {
  test('gives each file, and the bytes are counted to their end', async () => {
    await using folder = await temporaryFolder();
    await using server = await mirror((_request, response) => response.end(CONTENT));
    const packages = Array.from({ length: 20 }, (_, index) =>
      packageAt(server.url, { name: `p${index}`, url: `${server.url}/p${index}.deb` }),
    );
    const { done, amounts } = fetching({ folder: folder.path, packages });
    await done;
    for (const one of packages) {
      expect((await readFile(packageFile(folder.path, one))).equals(CONTENT)).toBe(true);
    }
    expect(await readdir(folder.path)).toHaveLength(20);
    expect(server.requests).toHaveLength(20);
    const total = 20 * CONTENT.length;
    expect(amounts.at(-1)).toEqual({ done: total, total, unit: 'bytes' });
  });

  test('is asked for the largest file first', async () => {
    await using folder = await temporaryFolder();
    await using server = await mirror((_request, response) => response.writeHead(404).end());
    const packages = [1, 3, 2].map((size) =>
      packageAt(server.url, { url: `${server.url}/${size}`, sizeBytes: size }),
    );
    await expect(fetching({ folder: folder.path, packages }).done).rejects.toThrow('404');
    expect(server.requests[0]).toBe('/3');
  });

  test('may send elsewhere', async () => {
    await using folder = await temporaryFolder();
    await using server = await mirror(({ url }, response) => {
      if (url === '/pool/one.deb') response.end(CONTENT);
      else response.writeHead(302, { location: 'pool/one.deb' }).end();
    });
    await fetching({ folder: folder.path, packages: [packageAt(server.url)] }).done;
    expect(server.requests).toEqual(['/one.deb', '/pool/one.deb']);
  });
});

describe('a file that is not the pinned one is never used, nor asked for again', () => {
  test.each([
    ['other bytes', Buffer.alloc(CONTENT.length, 'other'), 'SHA-256 '],
    ['more bytes', Buffer.concat([CONTENT, Buffer.from('!')]), 'more than 100000 bytes'],
    ['fewer bytes', CONTENT.subarray(1), '99999 bytes instead of'],
  ])('%s', async (_what, content, says) => {
    await using folder = await temporaryFolder();
    await using server = await mirror((_request, response) => {
      response.writeHead(200, { 'content-length': content.length }).end(content);
    });
    const { done } = fetching({ folder: folder.path, packages: [packageAt(server.url)] });
    const message: unknown = expect.stringContaining(says);
    await expect(done).rejects.toMatchObject({ code: 'package-digest', message });
    expect(server.requests).toHaveLength(1);
    expect(await readdir(folder.path)).not.toContain('one_amd64.deb');
  });
});

describe('a repository that has moved on', () => {
  test.each([404, 410])('answers %d, once', async (status) => {
    await using folder = await temporaryFolder();
    await using server = await mirror((_request, response) => response.writeHead(status).end());
    const { done } = fetching({ folder: folder.path, packages: [packageAt(server.url)] });
    await expect(done).rejects.toMatchObject({
      code: 'package-gone',
      message: `the repository answers ${server.url}/one.deb with HTTP status ${status}`,
    });
    expect(server.requests).toHaveLength(1);
  });
});

describe('trouble that passes', () => {
  const troubles: readonly (readonly [string, RequestListener])[] = [
    ['an overloaded server', (_request, response) => response.writeHead(503).end()],
    [
      'a connection that is cut off',
      (request, response) => {
        response.writeHead(200, { 'content-length': CONTENT.length });
        response.write(CONTENT.subarray(0, 1000), () => request.socket.destroy());
      },
    ],
    ['a connection that is refused a word', (request) => request.socket.destroy()],
    [
      'an answer that ends early and never said how long it is',
      (request) => request.socket.end('HTTP/1.0 200 OK\r\n\r\nhalf'),
    ],
    ['silence instead of an answer', () => {}],
    [
      'silence in the middle',
      (_request, response) => {
        response.writeHead(200, { 'content-length': CONTENT.length });
        response.write(CONTENT.subarray(0, 1000));
      },
    ],
  ];

  test.each(troubles)('%s is tried again', async (_what, trouble) => {
    await using folder = await temporaryFolder();
    await using server = await mirror((request, response) => {
      if (server.requests.length === 1) trouble(request, response);
      else response.end(CONTENT);
    });
    const { done, amounts, logged } = fetching({
      folder: folder.path,
      packages: [packageAt(server.url)],
      stalledMilliseconds: 500,
    });
    await done;
    expect(server.requests).toHaveLength(2);
    expect(logged).toEqual([expect.stringMatching(/^fetch: .*; trying again \(1 of 2\)$/)]);
    // What came in vain is taken back.
    expect(amounts.at(-1)?.done).toBe(CONTENT.length);
    expect(await readdir(folder.path)).toEqual(['one_amd64.deb']);
  });

  test.each([
    ['HTTP status 503', 'repository-refused', troubles[0]?.[1]],
    ['nothing came for 0.2 s', 'repository-unreachable', troubles[4]?.[1]],
    ['nothing came for 0.2 s', 'repository-unreachable', troubles[5]?.[1]],
    ['it ended after 4 of 100000 bytes', 'repository-unreachable', troubles[3]?.[1]],
  ] as const)('that does not pass: %s', async (says, code, trouble = () => {}) => {
    await using folder = await temporaryFolder();
    await using server = await mirror(trouble);
    const packages = [packageAt(server.url)];
    const { done } = fetching({ folder: folder.path, packages, stalledMilliseconds: 200 });
    const message: unknown = expect.stringContaining(says);
    await expect(done).rejects.toMatchObject({ code, message });
    expect(server.requests).toHaveLength(PATIENCE.attempts);
  });
});

describe('redirections', () => {
  test.each([
    ['in a circle', 'one.deb', 'too many redirections'],
    ['to nowhere', 'http://[', 'it redirects to http://[, which is no address'],
    ['to another protocol', 'ftp://example.org/one.deb', 'ftp:'],
  ])('%s are no answer', async (_what, location, says) => {
    await using folder = await temporaryFolder();
    await using server = await mirror((_request, response) => {
      response.writeHead(302, { location }).end();
    });
    const { done } = fetching({ folder: folder.path, packages: [packageAt(server.url)] });
    const message: unknown = expect.stringContaining(says);
    await expect(done).rejects.toMatchObject({ code: 'repository-unreachable', message });
  });
});

test('a full disk is named, not the repository blamed', async () => {
  await using folder = await temporaryFolder();
  await using server = await mirror((_request, response) => response.end(CONTENT));
  const one = packageAt(server.url);
  await symlink('/dev/full', `${packageFile(folder.path, one)}.partial`);
  const { done } = fetching({ folder: folder.path, packages: [one] });
  await expect(done).rejects.toMatchObject({ code: 'disk-full' });
  expect(server.requests).toHaveLength(1);
});

test('when one package cannot be had nothing goes on in the background', async () => {
  await using folder = await temporaryFolder();
  await using server = await mirror(({ url }, response) => {
    if (url === '/gone.deb') setTimeout(() => response.writeHead(404).end(), 50);
    else response.writeHead(200).write('a beginning');
  });
  const packages = Array.from({ length: 12 }, (_, index) =>
    packageAt(server.url, {
      name: `p${index}`,
      ...(index === 0 && { url: `${server.url}/gone.deb` }),
    }),
  );
  const { done } = fetching({ folder: folder.path, packages });
  await expect(done).rejects.toMatchObject({ code: 'package-gone' });
  const asked = server.requests.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(server.requests).toHaveLength(asked);
});

test('an end of the run ends the fetching with its reason', async () => {
  await using folder = await temporaryFolder();
  await using server = await mirror((_request, response) => response.writeHead(200).write('…'));
  const controller = new AbortController();
  const { signal } = controller;
  const { done } = fetching({ folder: folder.path, packages: [packageAt(server.url)], signal });
  const reason = new Error('enough');
  setTimeout(() => controller.abort(reason), 50);
  await expect(done).rejects.toBe(reason);
});

test('an end of the run while it waits for the next attempt has the same reason', async () => {
  await using folder = await temporaryFolder();
  const controller = new AbortController();
  const reason = new Error('enough');
  await using server = await mirror((_request, response) => {
    response.writeHead(503).end();
  });
  const manifest = installationOf(appliance, { packages: [packageAt(server.url)] });
  const { context } = rehearse({ folder: folder.path, manifest, signal: controller.signal });
  const done = fetchAll(context, { ...PATIENCE, retryMilliseconds: 60_000 });
  setTimeout(() => controller.abort(reason), 100);
  await expect(done).rejects.toBe(reason);
});
