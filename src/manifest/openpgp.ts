/** Whether bytes are an OpenPGP public key (RFC 9580), armored or not. Its signatures are not our affair. */
import type { Complaint } from './field.ts';

const ARMOR = /-----BEGIN PGP ([A-Z ]+)-----\r?\n([\s\S]*?)-----END PGP \1-----/;

/** Packet types (section 5) that files given by mistake begin with. */
const PACKETS: ReadonlyMap<number, string> = new Map([
  [1, 'an encrypted message'],
  [2, 'a signature'],
  [3, 'an encrypted message'],
  [5, 'a private key'],
  [7, 'a private key'],
  [8, 'a compressed message'],
]);

const PUBLIC_KEY = 6;

const EXPORT_IT = 'write the public key with: gpg --export --armor NAME > FILE';

/** Undefined when the file holds a public key. */
export function publicKeyComplaint(bytes: Uint8Array): Complaint | undefined {
  const text = Buffer.from(bytes).toString('latin1');
  if (/BEGIN PGP PRIVATE KEY/.test(text)) return PRIVATE;
  const armored = ARMOR.exec(text);
  if (!armored) {
    return /BEGIN PGP/.test(text) ? damaged() : packetComplaint(bytes);
  }
  return packetComplaint(Buffer.from(armorBody(armored[2] ?? ''), 'base64'));
}

const PRIVATE: Complaint = {
  message: 'is a PRIVATE key, which must never be beside a manifest',
  hint: `take it away, and if others could see it, replace it; ${EXPORT_IT}`,
};

function damaged(): Complaint {
  return { message: 'is not a whole OpenPGP key: its armor has no end', hint: EXPORT_IT };
}

/** The base64 between the armor's headers, which an empty line ends, and its checksum. */
function armorBody(body: string): string {
  const lines = body.split(/\r?\n/);
  const afterHeaders = lines.slice(lines.findIndex((line) => line.trim() === '') + 1);
  return afterHeaders.filter((line) => !line.startsWith('=')).join('');
}

/** Section 4.2: bit 7 is always set, bit 6 tells the newer format; the type follows. */
function packetComplaint(bytes: Uint8Array): Complaint | undefined {
  const first = bytes[0];
  if (first === undefined) return { message: 'is empty', hint: EXPORT_IT };
  const type = (first & 0x40) === 0 ? (first >> 2) & 0x0f : first & 0x3f;
  const isPacket = (first & 0x80) !== 0;
  if (isPacket && type === PUBLIC_KEY) {
    return bytes.length > SHORTEST_KEY ? undefined : { ...NO_KEY, message: 'is cut off' };
  }
  const what = isPacket ? PACKETS.get(type) : undefined;
  if (what === 'a private key') return PRIVATE;
  return what === undefined ? NO_KEY : { message: `is ${what}, not a key`, hint: EXPORT_IT };
}

/** Smaller than any public key with a name. */
const SHORTEST_KEY = 40;

const NO_KEY: Complaint = { message: 'is not an OpenPGP public key', hint: EXPORT_IT };
