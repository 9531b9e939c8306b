/** Repositories, good and bad, on loopback. */
import { createServer, type RequestListener, type Server } from 'node:http';
import {
  type AddressInfo,
  createServer as createPlainServer,
  type Server as PlainServer,
} from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type MirrorOptions, mirror } from './mirror.ts';

const NOW = Date.parse('2026-03-01T12:00:00Z') / 1000;
const servers: (Server | PlainServer)[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections();
    server.close();
  }
});

async function listening(server: Server | PlainServer): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const serve = async (listener: RequestListener) =>
  `http://${await listening(createServer(listener))}`;

function look(url: string, options: Partial<MirrorOptions> = {}) {
  const repositories = [{ url, suite: 'trixie' }];
  const usual = { environment: {}, now: () => NOW, silenceSeconds: 5 };
  const { signal } = new AbortController();
  return mirror({ repositories, ...usual, ...options }).look(signal);
}

function release(fields: string): string {
  return `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nSuite: stable\n${fields}\nSHA256:\n`;
}

const GOOD = release('Date: Sat, 28 Feb 2026 08:00:00 UTC');
/** As a server whose clock is right. */
const RIGHT = { date: 'Sun, 01 Mar 2026 12:00:01 GMT' };

describe('a mirror', () => {
  test('answers, whichever way its URL is written', async () => {
    const asked: string[] = [];
    const url = await serve((request, response) => {
      asked.push(request.url ?? '');
      // More than is ever read.
      response.writeHead(200, RIGHT).end(GOOD + 'x'.repeat(2 ** 22));
    });
    expect(await look(`${url}/debian/`)).toEqual([
      { state: 'ok', finding: `${url}/debian/ trixie answers` },
    ]);
    await look(url, { repositories: [{ url, suite: 'flat/' }] });
    expect(asked).toEqual(['/debian/dists/trixie/InRelease', '/flat/InRelease']);
  });

  test('may lead on to another', async () => {
    const there = await serve((_, response) => response.writeHead(200, RIGHT).end(GOOD));
    const url = await serve((_, response) =>
      response.writeHead(302, { location: `${there}/elsewhere` }).end(),
    );
    expect(await look(url)).toMatchObject([{ state: 'ok' }]);
  });

  test('may lead on without an end', async () => {
    const url = await serve((request, response) =>
      response.writeHead(301, { location: request.url }).end(),
    );
    expect(await look(url)).toMatchObject([
      { state: 'problem', finding: expect.stringContaining('without an end') },
    ]);
  });

  test('may not exist', async () => {
    expect(await look('http://no-such-host.invalid/debian')).toMatchObject([
      { state: 'problem', finding: expect.stringContaining('no such host') },
    ]);
  });

  test('may refuse the connection', async () => {
    const url = await serve(() => {});
    servers.splice(0)[0]?.close();
    expect(await look(url)).toMatchObject([
      { state: 'problem', finding: `${url} trixie does not answer: the connection is refused` },
    ]);
  });

  test('may never answer', async () => {
    const url = await serve(() => {});
    const began = performance.now();
    expect(await look(url, { silenceSeconds: 0.2 })).toMatchObject([
      { state: 'problem', finding: `${url} trixie does not answer in time` },
    ]);
    expect(performance.now() - began).toBeLessThan(4000);
  });

  test('may stop in the middle', async () => {
    const url = await serve((_, response) => {
      response.writeHead(200, RIGHT).write('-----BEGIN');
    });
    expect(await look(url, { silenceSeconds: 0.2 })).toMatchObject([
      { state: 'problem', finding: `${url} trixie does not answer in time` },
    ]);
  });

  test('may speak something else', async () => {
    const url = await listening(createPlainServer((socket) => socket.end('220 ftp ready\r\n')));
    expect(await look(`http://${url}`)).toMatchObject([
      { state: 'problem', finding: expect.stringContaining('cannot be read') },
    ]);
    expect(await look(`https://${url}`)).toMatchObject([
      { state: 'problem', finding: expect.stringContaining('no certificate that is trusted') },
    ]);
  });

  test.each([
    [404, 'does not exist on that server (404)'],
    [403, 'is refused with status 403'],
    [500, 'is refused with status 500'],
  ])('may answer with %d', async (status, said) => {
    const url = await serve((_, response) => response.writeHead(status).end());
    expect(await look(url)).toMatchObject([{ state: 'problem', finding: `${url} trixie ${said}` }]);
  });

  test('may be the sign-in page of a network', async () => {
    const url = await serve((_, response) => response.end('<html>Welcome to our hotel'));
    expect(await look(url)).toMatchObject([
      { state: 'problem', finding: expect.stringContaining('something else than a repository') },
    ]);
  });
});

describe('the time', () => {
  const answering = (text: string, date: string) =>
    serve((_, response) => response.writeHead(200, { date }).end(text));

  test('that differs by some minutes is a warning with the mirror’s time', async () => {
    const url = await answering(GOOD, 'Sun, 01 Mar 2026 13:00:00 GMT');
    expect(await look(url)).toMatchObject([
      { state: 'ok' },
      {
        state: 'warning',
        finding: 'this computer’s clock is 1 h 00 min behind the mirror’s',
        cure: { commands: [expect.anything(), expect.stringContaining('2026-03-01 13:00:00')] },
      },
    ]);
  });

  test('before the index was made is a problem', async () => {
    const url = await answering(
      release('Date: Mon, 02 Mar 2026 08:00:00 UTC'),
      'Mon, 02 Mar 2026 09:00:00 GMT',
    );
    expect(await look(url)).toMatchObject([
      { state: 'ok' },
      {
        state: 'problem',
        finding: `${url} trixie is not valid yet: its index is of 2026-03-02 08:00:00, and here it is 2026-03-01 12:00:00`,
      },
    ]);
  });

  test('tells a mirror that is out of date from a clock that is wrong', async () => {
    const old = release(
      'Date: Sun, 01 Feb 2026 08:00:00 UTC\nValid-Until: Sun, 08 Feb 2026 08:00:00 UTC',
    );
    const [, found] = await look(await answering(old, RIGHT.date));
    expect(found).toMatchObject({
      state: 'problem',
      cure: { advice: expect.stringContaining('a mirror that is kept up to date') },
    });
    const [, other] = await look(await answering(old, 'Mon, 02 Feb 2026 08:00:00 GMT'));
    expect(other).toMatchObject({
      state: 'problem',
      cure: { advice: expect.stringContaining('Set the clock') },
    });
  });
});

describe('a proxy', () => {
  test('is asked for the whole URL, and signed in to', async () => {
    const asked: unknown[] = [];
    const proxy = await serve((request, response) => {
      asked.push(request.url, request.headers.host, request.headers['proxy-authorization']);
      response.writeHead(200, RIGHT).end(GOOD);
    });
    const environment = { http_proxy: proxy.replace('http://', 'http://me:secret@') };
    expect(await look('http://mirror.invalid/debian', { environment })).toEqual([
      {
        state: 'ok',
        finding: `http://mirror.invalid/debian trixie answers through the proxy ${proxy.slice(7)}`,
      },
    ]);
    expect(asked).toEqual([
      'http://mirror.invalid/debian/dists/trixie/InRelease',
      'mirror.invalid',
      `Basic ${Buffer.from('me:secret').toString('base64')}`,
    ]);
  });

  test('that refuses a secure connection is named', async () => {
    const server = createServer();
    server.on('connect', (_, socket) => socket.end('HTTP/1.1 407 Sign In\r\n\r\n'));
    const proxy = await listening(server);
    expect(
      await look('https://mirror.invalid/', { environment: { https_proxy: proxy } }),
    ).toMatchObject([
      {
        state: 'problem',
        finding: expect.stringContaining(`the proxy ${proxy} refuses: 407`),
        cure: { commands: ['unset http_proxy https_proxy'] },
      },
    ]);
  });

  test('that is not there is named', async () => {
    const environment = { http_proxy: 'http://127.0.0.1:9/' };
    expect(await look('http://mirror.invalid/', { environment })).toMatchObject([
      {
        state: 'problem',
        finding: expect.stringContaining('refused through the proxy 127.0.0.1:9'),
      },
    ]);
  });
});
