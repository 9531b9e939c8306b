/** Which proxy a request goes through, from the environment, as apt decides (its `http` method). */

export type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy's URL; undefined for a direct connection. */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const given = environment[url.protocol === 'https:' ? 'https_proxy' : 'http_proxy'];
  if (given === undefined || given === '' || given === 'DIRECT') return undefined;
  if (isExempt(url.hostname, environment['no_proxy'] ?? '')) return undefined;
  const text = given.includes('://') ? given : `http://${given}`;
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** Whoever's name ends like an entry of the list; apt asks for no dot before it, and knows no `*`. */
function isExempt(host: string, list: string): boolean {
  return list
    .toLowerCase()
    .split(',')
    .some((entry) => entry !== '' && host.endsWith(entry));
}
