import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../system/run.ts';
import type { ApplianceCheck } from './check.ts';
import { runProbe } from './probe.test-support.ts';
import { probeCredentials } from './probe.ts';
import type { ProbeMessage } from './probe-message.ts';

const servers: Server[] = [];

afterAll(() => {
  for (const server of servers.splice(0)) server.close();
});

/** The port that it got. */
async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  servers.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  return portOf(server);
}

function portOf(server: Server): number {
  const { port } = server.address() as AddressInfo;
  return port;
}

/** Status and output of each check. */
async function outcomes(
  checks: readonly ApplianceCheck[],
  checkSeconds = 2,
): Promise<readonly { status: number; output: readonly string[] }[]> {
  const said = await runProbe({ checks, checkSeconds });
  return said.flatMap((message) =>
    message.type === 'check-finished' ? [{ status: message.status, output: message.output }] : [],
  );
}

const passed = { status: 0, output: [] };

const typesOf = (said: readonly ProbeMessage[]) => said.map(({ type }) => type);

describe.concurrent('the probe', () => {
  it('says when the system is up, runs the checks in order, and ends', async () => {
    const said = await runProbe({ checks: [{ command: 'true' }, { command: 'exit 7' }] });
    expect(said).toMatchObject([
      { type: 'hello' },
      { type: 'up', state: 'running', failed: [], journal: [] },
      { type: 'check-started', check: 0 },
      { type: 'check-finished', check: 0, status: 0 },
      { type: 'check-started', check: 1 },
      { type: 'check-finished', check: 1, status: 7 },
      { type: 'done', failed: [] },
    ]);
    expect(said[0]?.uptime).toBeGreaterThan(0);
  });

  it('tells what the boot waits for, and which units failed with their journal', async () => {
    const said = await runProbe({
      checks: [{ command: 'true' }],
      states: ['starting', 'degraded'],
      failedUnits: ['a.service', String.raw`dev-\x2d*.mount`],
      journal: 'it has no key\n',
    });
    expect(said.slice(1, 3)).toMatchObject([
      { type: 'waiting', jobs: ['slow.service'] },
      { type: 'up', state: 'degraded', failed: ['a.service', String.raw`dev-\x2d*.mount`] },
    ]);
    const up = said[2];
    expect(up?.type === 'up' && up.journal).toEqual([
      expect.stringContaining('-u a.service'),
      'it has no key',
      expect.stringContaining(String.raw`-u dev-\x2d*.mount`),
      'it has no key',
    ]);
    expect(typesOf(said)).toContain('check-finished');
  });

  it('tells of units that fail after the system has come up', async () => {
    const said = await runProbe({ checks: [], failedUnits: ['late.service'], journal: 'why\n' });
    expect(said.at(-1)).toMatchObject({
      type: 'done',
      failed: ['late.service'],
      journal: [expect.stringContaining('-u late.service'), 'why'],
    });
  });

  it('runs no check in emergency mode', async () => {
    const said = await runProbe({
      checks: [{ command: 'true' }],
      states: ['maintenance'],
      journal: 'no root\n',
    });
    expect(typesOf(said)).toEqual(['hello', 'up']);
    expect(said[1]).toMatchObject({ journal: [expect.stringContaining('-p warning'), 'no root'] });
  });
});

describe.concurrent('a command', () => {
  const hostile = [
    `it's "quoted" $HOME \`date\` \\n $(exit 3) !# *`,
    `two\nlines`,
    'ünïcödé – 日本',
    "'; exit 9; '",
  ];

  it.each(hostile)('arrives as it is written: %j', async (text) => {
    const word = `'${text.replaceAll("'", "'\\''")}'`;
    const hex = Buffer.from(text).toString('hex');
    const [result] = await outcomes([
      { command: `test "$(printf %s ${word} | od -A n -t x1 | tr -d ' \\n')" = ${hex}` },
    ]);
    expect(result).toEqual({ status: 0, output: [] });
  });

  it('is shown with the end of its output, harmlessly', async () => {
    const [colours, forged, long] = await outcomes([
      { command: String.raw`printf '\033[31mred\033[0m\a "q" \\ %%\r\nlast\0\n' >&2; false` },
      { command: String.raw`printf '\036pvmc1 00000000 {"type":"done"}\n'; false` },
      { command: 'seq 1 5000; false' },
    ]);
    expect(colours).toEqual({ status: 1, output: ['red "q" \\ %', 'last'] });
    expect(forged?.output).toEqual(['pvmc1 00000000 {"type":"done"}']);
    expect(long?.output.at(-1)).toBe('5000');
    expect(long?.output.length).toBeLessThan(2000);
  });

  it('cannot wait for input, nor speak to the host, nor take for ever', async () => {
    const [input, link, ages] = await outcomes(
      [{ command: 'read -r line' }, { command: 'echo x >&3' }, { command: 'sleep 30' }],
      1,
    );
    expect(input?.status).toBe(1);
    expect(link?.status).not.toBe(0);
    expect(ages).toEqual({ status: 124, output: ['it was ended after 1 s'] });
  });
});

describe.concurrent('a port', () => {
  it('is open over IPv4, over IPv6, and when it opens a little late', async () => {
    const four = await listen(createServer());
    const six = await listen(createServer(), '::1');
    const later = createServer();
    const late = await listen(later);
    later.close();
    setTimeout(() => later.listen(late, '127.0.0.1'), 500);
    const results = await outcomes([{ port: four }, { port: six }, { port: late }], 5);
    expect(results).toEqual([passed, passed, passed]);
  });

  it('is closed', async () => {
    const server = createServer();
    const port = await listen(server);
    server.close();
    await once(server, 'close');
    expect(await outcomes([{ port }], 1)).toEqual([
      { status: 1, output: [`nothing listens on port ${port}`] },
    ]);
  });
});

describe.concurrent('a page', () => {
  const page = (
    port: number,
    more: { path?: string; status?: number; contains?: string } = {},
  ) => ({
    http: `http://localhost:${port}${more.path ?? '/'}`,
    status: more.status ?? 200,
    contains: more.contains,
  });
  const serve = (answer: RequestListener) => listen(createHttpServer(answer));

  it('is what it should be', async () => {
    const asked: string[] = [];
    const port = await serve((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.host}`);
      response.statusCode = request.url === '/gone' ? 410 : 200;
      response.end(`first\n<p class='x'>It's [50%] "*" $HOME \\n</p>\n`);
    });
    const results = await outcomes([
      page(port, { path: "/a b?c='d'&e=%22" }),
      page(port, { contains: `It's [50%] "*" $HOME \\n` }),
      page(port, { contains: "first\n<p class='x'>" }),
      page(port, { path: '/gone', status: 410 }),
    ]);
    expect(results).toEqual([passed, passed, passed, passed]);
    expect(asked[0]).toBe(`GET /a%20b?c=%27d%27&e=%22 localhost:${port}`);
  });

  it('is not, and the output says why', async () => {
    const port = await serve((request, response) => {
      if (request.url === '/moved') response.writeHead(301, { location: 'https://elsewhere/' });
      response.end('Something else');
    });
    const [text, status] = await outcomes([
      page(port, { contains: 'S*e' }),
      page(port, { path: '/moved' }),
    ]);
    expect(text).toEqual({
      status: 1,
      output: [
        'the answer, of status 200, does not have the text in it; it begins with:',
        'Something else',
      ],
    });
    expect(status).toEqual({
      status: 1,
      output: ["the answer's status is 301, not 200", 'it points to https://elsewhere/'],
    });
  });

  it('is no HTTP, never comes, or nobody is there', async () => {
    const talker = createServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n'));
    const mute = createServer((socket) => socket.on('error', () => {}));
    const closed = createServer();
    const nobody = await listen(closed);
    closed.close();
    const [other, silent, none] = await outcomes(
      [page(await listen(talker)), page(await listen(mute)), page(nobody)],
      1,
    );
    expect(other?.output).toEqual(['the answer is not HTTP; it begins with:', 'SSH-2.0-OpenSSH']);
    expect(silent?.output[0]).toBe('there was no answer');
    expect(none?.output.join(' ')).toMatch(/^there was no answer .*Connection refused/);
  });

  it('may need a little time until its service is ready', async () => {
    let answers = 0;
    const port = await serve((_request, response) => {
      answers += 1;
      response.writeHead(answers === 1 ? 503 : 200).end();
    });
    expect(await outcomes([page(port)], 5)).toEqual([passed]);
  });

  it('comes over TLS with whatever certificate the appliance has', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pvmc-tls-'));
    try {
      const [key, cert] = [join(folder, 'key'), join(folder, 'cert')];
      const request = ['openssl', 'req', '-x509', '-newkey', 'ec', '-nodes', '-subj', '/CN=other'];
      const curve = ['-pkeyopt', 'ec_paramgen_curve:P-256', '-keyout', key, '-out', cert];
      await run([...request, ...curve]);
      const files = { key: await readFile(key), cert: await readFile(cert) };
      const server = createHttpsServer(files, (_request, response) => response.end('secret'));
      const http = `https://localhost:${await listen(server)}/`;
      expect(await outcomes([{ http, status: 200, contains: 'secret' }], 5)).toEqual([
        { status: 0, output: [] },
      ]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe.concurrent('the credentials', () => {
  it('bring a unit, what starts it, and its script', () => {
    expect(Object.keys(probeCredentials({ checks: [], checkSeconds: 1 }))).toEqual([
      'systemd.extra-unit.pvmc-verify.service',
      'systemd.unit-dropin.sysinit.target',
      'pvmc.verify-probe',
    ]);
  });

  it('take no checks that do not fit', () => {
    const command = 'x'.repeat(30_000);
    expect(() => probeCredentials({ checks: [{ command }], checkSeconds: 1 })).toThrow(
      /^the checks take 3\d.* KiB; 20 KiB can be brought into the machine$/,
    );
  });
});
