/** Network addresses and URLs. */
import { isIP } from 'node:net';
import type { Complain, Complaint, TextCheck } from '../field.ts';
import { property } from '../field.ts';
import { quote } from '../quote.ts';

export const ipAddress: TextCheck = (address) =>
  isIP(address) === 0
    ? { message: `${quote(address)} is not an IP address`, hint: ipHint(address) }
    : undefined;

function ipHint(address: string): string | undefined {
  return isIP(address.split('/')[0] ?? '') === 0
    ? undefined
    : 'write the address without the length of its network';
}

export const interfaceAddress: TextCheck = (text) => {
  const network = parseNetwork(text);
  if (!network) {
    return {
      message: `${quote(text)} is not an address with the length of its network`,
      hint:
        isIP(text) === 0 ? 'e.g. 192.168.1.10/24' : `e.g. ${text}/${isIP(text) === 4 ? 24 : 64}`,
    };
  }
  if (network.hostBits < 2n || network.family === 6) return undefined;
  const host = network.address & network.hostMask;
  if (host !== 0n && host !== network.hostMask) return undefined;
  const what = host === 0n ? 'the network itself' : "the network's broadcast address";
  return { message: `${quote(text)} is ${what}, not an address in it` };
};

interface Network {
  readonly family: 4 | 6;
  readonly address: bigint;
  readonly hostBits: bigint;
  readonly hostMask: bigint;
}

function parseNetwork(text: string): Network | undefined {
  const match = /^([0-9a-f.:]+)\/(\d{1,3})$/i.exec(text);
  const address = addressNumber(match?.[1] ?? '');
  const length = Number(match?.[2]);
  if (!match || address === undefined) return undefined;
  const bits = address.family === 4 ? 32 : 128;
  if (length < 1 || length > bits) return undefined;
  const hostBits = BigInt(bits - length);
  return { ...address, hostBits, hostMask: (1n << hostBits) - 1n };
}

interface AddressNumber {
  readonly family: 4 | 6;
  readonly address: bigint;
}

function addressNumber(text: string): AddressNumber | undefined {
  const version = isIP(text);
  if (version === 4) return { family: 4, address: joinBits(text.split('.').map(Number), 8n) };
  if (version !== 6 || text.includes('%')) return undefined;
  return { family: 6, address: joinBits(ipv6Groups(text), 16n) };
}

function joinBits(parts: readonly number[], bits: bigint): bigint {
  return parts.reduce((sum, part) => (sum << bits) | BigInt(part), 0n);
}

function ipv6Groups(text: string): number[] {
  const embedded = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (embedded) {
    const [, head = '', a, b, c, d] = embedded;
    const pair = (high: unknown, low: unknown) => (Number(high) * 256 + Number(low)).toString(16);
    return ipv6Groups(`${head}${pair(a, b)}:${pair(c, d)}`);
  }
  const [left = '', right] = text.split('::');
  const groups = (half: string) =>
    half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16));
  const before = groups(left);
  const after = groups(right ?? '');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return right === undefined ? before : [...before, ...zeros, ...after];
}

/** The gateway must be reachable: in the address's network, and not the machine itself. */
export function gatewayInNetwork(value: unknown, complain: Complain): void {
  const address = property(value, 'address');
  const gateway = property(value, 'gateway');
  if (typeof address !== 'string' || typeof gateway !== 'string') return;
  const network = parseNetwork(address);
  const router = addressNumber(gateway);
  if (!network || !router) return;
  const complaint = gatewayComplaint({ address, gateway, network, router });
  if (complaint) complain(['gateway'], complaint);
}

function gatewayComplaint(pair: {
  readonly address: string;
  readonly gateway: string;
  readonly network: Network;
  readonly router: AddressNumber;
}): Complaint | undefined {
  const { address, gateway, network, router } = pair;
  if (router.family !== network.family) {
    return { message: `${gateway} and ${address} are not of the same IP version` };
  }
  if (router.address === network.address) {
    return { message: `${gateway} is the machine's own address` };
  }
  const linkLocal = router.family === 6 && router.address >> 118n === 0xfe80n >> 6n;
  const same = router.address >> network.hostBits === network.address >> network.hostBits;
  return same || linkLocal
    ? undefined
    : { message: `${gateway} is not in the network of ${address}` };
}

/** An http or https URL without a user in it, for a repository or a vendor's page. */
export const webUrl: TextCheck = (text) => {
  const url = parseWebUrl(text);
  if (!url) {
    return {
      message: `${quote(text)} is not a URL`,
      hint: 'write it in full, with https:// at its beginning',
    };
  }
  return credentialsComplaint(url);
};

function parseWebUrl(text: string): URL | undefined {
  if (!/^https?:\/\/[^\s\p{Cc}"'<>\\^`{|}]+$/u.test(text) || !URL.canParse(text)) return undefined;
  return new URL(text);
}

function credentialsComplaint(url: URL): Complaint | undefined {
  return url.username === '' && url.password === ''
    ? undefined
    : {
        message:
          'has a user name or password in it, which would end up in the appliance and its logs',
        hint: 'use a URL that needs none',
      };
}

export const repositoryUrl: TextCheck = (text) => {
  const complaint = webUrl(text);
  if (complaint) return complaint;
  return /[?#]/.test(text)
    ? { message: `${quote(text)} has a ? or # in it, which a repository's URL cannot` }
    : undefined;
};

/** The URL that verify asks inside the appliance. */
export const checkUrl: TextCheck = (text) => {
  if (text.startsWith('/')) {
    return {
      message: `${quote(text)} is not a URL`,
      hint: `did you mean http://localhost${text}?`,
    };
  }
  const url = parseWebUrl(text);
  if (!url) return { message: `${quote(text)} is not a URL`, hint: 'e.g. http://localhost/' };
  return credentialsComplaint(url);
};
