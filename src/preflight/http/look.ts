/** One look at a file behind a URL: the answer's head and the beginning of the file, within a deadline. */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { messageOf, systemCodeOf } from '../../system/error.ts';
import { type Environment, proxyFor } from './proxy.ts';

export interface Look {
  readonly url: string;
  readonly environment: Environment;
  readonly signal: AbortSignal;
}

export type Seen =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** The server's clock, in seconds since 1970. */
      readonly date: number | undefined;
      /** The beginning of the file. */
      readonly text: string;
    }
  | { readonly kind: 'failure'; readonly cause: FailureCause; readonly message: string };

export type FailureCause =
  | 'no-such-host'
  | 'refused'
  | 'no-route'
  | 'silent'
  | 'tls'
  | 'proxy'
  | 'other';

/** As much as is read of a file: a Release file's own fields come first. */
const ENOUGH_BYTES = 4096;
const MOST_REDIRECTS = 5;

/** Never throws: whatever goes wrong is what was seen. */
export async function lookAt(look: Look): Promise<Seen> {
  let url = look.url;
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects += 1) {
    const seen = await ask(new URL(url), look).catch((thrown: unknown) =>
      failureOf(thrown, look.signal),
    );
    if (!('location' in seen)) return seen;
    if (!URL.canParse(seen.location, url)) break;
    url = new URL(seen.location, url).href;
    if (!/^https?:/.test(url)) break;
  }
  return {
    kind: 'failure',
    cause: 'other',
    message: 'it leads on to another place, without an end',
  };
}

async function ask(url: URL, look: Look): Promise<Seen | { readonly location: string }> {
  const proxy = proxyFor(url, look.environment);
  const response = await responseTo(
    proxy === undefined
      ? direct(url, look.signal)
      : url.protocol === 'https:'
        ? await throughTunnel(url, proxy, look.signal)
        : throughProxy(url, proxy, look.signal),
  );
  const status = response.statusCode ?? 0;
  const { location } = response.headers;
  if (status >= 300 && status < 400 && location !== undefined) {
    response.destroy();
    return { location };
  }
  const date = Date.parse(response.headers.date ?? '') / 1000;
  return {
    kind: 'answer',
    status,
    date: Number.isNaN(date) ? undefined : date,
    text: await beginningOf(response),
  };
}

const HEADERS = { 'user-agent': 'pvmc', connection: 'close' };

function direct(url: URL, signal: AbortSignal): ClientRequest {
  const request = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return request(url, { signal, headers: HEADERS });
}

function throughProxy(url: URL, proxy: URL, signal: AbortSignal): ClientRequest {
  const headers = { ...HEADERS, ...authorization(proxy), host: url.host };
  return httpRequest(proxy, { signal, headers, path: url.href });
}

async function throughTunnel(url: URL, proxy: URL, signal: AbortSignal): Promise<ClientRequest> {
  const authority = `${url.hostname}:${url.port || 443}`;
  const opening = httpRequest(proxy, {
    signal,
    method: 'CONNECT',
    path: authority,
    headers: { ...authorization(proxy), host: authority },
  });
  const socket = await new Promise<Socket>((resolve, reject) => {
    opening.once('connect', ({ statusCode }, opened: Socket) => {
      if (statusCode === 200) resolve(opened);
      else reject(new ProxyRefusal(`the proxy ${proxy.host} refuses: ${statusCode}`));
    });
    opening.once('error', reject);
    opening.end();
  });
  const createConnection = () => connectTls({ socket, servername: url.hostname });
  return httpsRequest(url, { signal, headers: HEADERS, agent: false, createConnection });
}

class ProxyRefusal extends Error {}

function authorization({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '') return {};
  const plain = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(plain).toString('base64')}` };
}

function responseTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.once('error', reject);
    request.end();
  });
}

async function beginningOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    parts.push(part);
    size += part.length;
    // Leaving the loop closes the connection.
    if (size >= ENOUGH_BYTES) break;
  }
  return Buffer.concat(parts).subarray(0, ENOUGH_BYTES).toString('latin1');
}

const CAUSES: Readonly<Record<string, FailureCause>> = {
  ENOTFOUND: 'no-such-host',
  EAI_AGAIN: 'no-such-host',
  ECONNREFUSED: 'refused',
  ENETUNREACH: 'no-route',
  EHOSTUNREACH: 'no-route',
  ENETDOWN: 'no-route',
  ETIMEDOUT: 'silent',
};

function failureOf(thrown: unknown, signal: AbortSignal): Seen {
  const message = messageOf(thrown);
  if (signal.aborted) return { kind: 'failure', cause: 'silent', message };
  if (thrown instanceof ProxyRefusal) return { kind: 'failure', cause: 'proxy', message };
  const code = codeOf(thrown);
  const isTls = /CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO_|EPROTO/.test(code);
  return { kind: 'failure', cause: isTls ? 'tls' : (CAUSES[code] ?? 'other'), message };
}

/** A name with several addresses fails with all their errors in one. */
function codeOf(thrown: unknown): string {
  if (thrown instanceof AggregateError) {
    const codes = thrown.errors.map(codeOf);
    return codes.find((code) => code !== 'ENETUNREACH') ?? codes[0] ?? '';
  }
  return systemCodeOf(thrown) ?? '';
}
