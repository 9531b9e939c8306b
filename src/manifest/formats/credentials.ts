/** Password hashes and SSH public keys. Complaints never repeat the value: it may be a password. */
import type { Complaint, TextCheck } from '../field.ts';

/** crypt(3) with a method that is still held to be safe: yescrypt, scrypt, bcrypt, SHA-512, SHA-256. */
const CRYPT_HASHES: readonly RegExp[] = [
  /^\$(?:y|gy)\$[./A-Za-z0-9]{2,8}\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}$/,
  /^\$7\$[./A-Za-z0-9]{11,97}\$[./A-Za-z0-9]{43}$/,
  /^\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/,
  /^\$6\$(?:rounds=[1-9]\d{2,8}\$)?[^$:\n]{1,16}\$[./A-Za-z0-9]{86}$/,
  /^\$5\$(?:rounds=[1-9]\d{2,8}\$)?[^$:\n]{1,16}\$[./A-Za-z0-9]{43}$/,
];

export const HOW_TO_HASH =
  'make a hash with: mkpasswd --method=yescrypt (package whois), or openssl passwd -6\n' +
  'leave the key out for a user who logs in without a password only (SSH key)';

export const passwordHash: TextCheck = (value) => {
  if (CRYPT_HASHES.some((hash) => hash.test(value))) return undefined;
  if (/^\$(?:1|md5|sha1|3)\b/.test(value)) {
    return { message: 'is a hash of a kind that is too easy to break', hint: HOW_TO_HASH };
  }
  if (/^(?:\$y\$|\$gy\$|\$7\$|\$2[aby]\$|\$6\$|\$5\$)/.test(value)) {
    return {
      message: 'is not a whole password hash; has part of it been lost in copying?',
      hint: HOW_TO_HASH,
    };
  }
  if (/^[!*]+$/.test(value)) {
    return {
      message: 'is not a hash',
      hint: 'leave password-hash out: the password of such a user is locked',
    };
  }
  return {
    message: 'is not a crypt(3) hash; a password itself must not be in a manifest',
    hint: HOW_TO_HASH,
  };
};

interface KeyType {
  readonly name: string;
  /** The number of length-prefixed parts after the type's name. */
  readonly parts: number;
}

/** RFC 4253, RFC 5656, RFC 8709 and OpenSSH's PROTOCOL.u2f. */
const KEY_TYPES: readonly KeyType[] = [
  { name: 'ssh-ed25519', parts: 1 },
  { name: 'ssh-rsa', parts: 2 },
  { name: 'ecdsa-sha2-nistp256', parts: 2 },
  { name: 'ecdsa-sha2-nistp384', parts: 2 },
  { name: 'ecdsa-sha2-nistp521', parts: 2 },
  { name: 'sk-ssh-ed25519@openssh.com', parts: 2 },
  { name: 'sk-ecdsa-sha2-nistp256@openssh.com', parts: 3 },
];

const PASTE_THE_LINE = 'paste the one line of a .pub file, e.g. ssh-ed25519 AAAA… you@example.org';

export const sshKey: TextCheck = (line) => {
  const complaint = foreignKey(line);
  if (complaint) return complaint;
  const words = /(?:^|\s)((?:ssh|ecdsa|sk)-[\w@.-]+)\s+(\S+)(?:\s|$)/.exec(line.trim());
  if (!words) return { message: 'is not an SSH public key', hint: PASTE_THE_LINE };
  const [, typeName = '', encoded = ''] = words;
  const type = KEY_TYPES.find(({ name }) => name === typeName);
  if (!type) {
    return {
      message: `has a key of the type ${typeName.slice(0, 40)}, which OpenSSH does not accept`,
      hint: 'make one with: ssh-keygen -t ed25519',
    };
  }
  return keyBlobComplaint(type, encoded);
};

function foreignKey(line: string): Complaint | undefined {
  if (/PRIVATE KEY/.test(line)) {
    return { message: 'is a private key, which must never be in a manifest', hint: PASTE_THE_LINE };
  }
  if (line.startsWith('---- BEGIN SSH2 PUBLIC KEY')) {
    return {
      message: 'is a public key in the format of RFC 4716',
      hint: 'convert it with: ssh-keygen -i -f FILE',
    };
  }
  if (/^[~./]?[\w./~-]*\.pub$/.test(line.trim())) {
    return { message: 'is the name of a file, not the key in it', hint: PASTE_THE_LINE };
  }
  return /[\r\n]/.test(line.trim())
    ? { message: 'has more than one line', hint: 'write every key as an item of its own' }
    : undefined;
}

/** The base64 says again which type it is, and how long each part: a key cut in copying shows here. */
function keyBlobComplaint(type: KeyType, encoded: string): Complaint | undefined {
  const damaged = {
    message: 'is not a whole SSH public key; has part of it been lost in copying?',
    hint: PASTE_THE_LINE,
  };
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(encoded) || encoded.length % 4 !== 0) return damaged;
  const parts = lengthPrefixed(Buffer.from(encoded, 'base64'));
  if (!parts || parts.length === 0) return damaged;
  const inside = parts[0]?.toString('latin1') ?? '';
  if (inside !== type.name) {
    return KEY_TYPES.some(({ name }) => name === inside)
      ? { message: `says ${type.name} but holds a key of the type ${inside}` }
      : damaged;
  }
  if (parts.length !== type.parts + 1) return damaged;
  if (type.name === 'ssh-ed25519' && parts[1]?.length !== 32) return damaged;
  return type.name === 'ssh-rsa' ? rsaComplaint(parts[2]) : undefined;
}

/** SSH's strings: four bytes of length, then so many bytes. Undefined when they do not fit. */
function lengthPrefixed(bytes: Buffer): Buffer[] | undefined {
  const parts: Buffer[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + 4 > bytes.length) return undefined;
    const end = offset + 4 + bytes.readUInt32BE(offset);
    if (end > bytes.length) return undefined;
    parts.push(bytes.subarray(offset + 4, end));
    offset = end;
  }
  return parts;
}

const SHORTEST_RSA_BITS = 2048;

function rsaComplaint(modulus: Buffer | undefined): Complaint | undefined {
  if (!modulus) return undefined;
  const bits = BigInt(`0x0${modulus.toString('hex')}`).toString(2).length;
  return bits < SHORTEST_RSA_BITS
    ? {
        message: `is an RSA key of ${bits} bits, which is too easy to break`,
        hint: 'make a better one with: ssh-keygen -t ed25519',
      }
    : undefined;
}
