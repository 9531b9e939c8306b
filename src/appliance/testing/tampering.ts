/** Takes an OVA apart, puts it together again with faults, and makes faulty VMDKs. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { decodeMember, encodeMember } from '../ova/ustar.ts';

export interface Part {
  readonly name: string;
  readonly bytes: Buffer;
}

export async function takeApart(path: string): Promise<readonly Part[]> {
  const whole = await readFile(path);
  const parts: Part[] = [];
  for (let at = 0; ; ) {
    const header = decodeMember(whole.subarray(at, at + 512));
    if (header.type !== 'file') return parts;
    const { name, sizeBytes } = header.member;
    parts.push({ name, bytes: whole.subarray(at + 512, at + 512 + sizeBytes) });
    at += 512 + Math.ceil(sizeBytes / 512) * 512;
  }
}

/** A tar of these parts. `changeHeader` may damage a header; its checksum is made right again. */
export function putTogether(
  parts: readonly Part[],
  changeHeader: (header: Buffer, index: number) => void = () => {},
): Buffer {
  const pieces = parts.flatMap(({ name, bytes }, index) => {
    const header = encodeMember({ name, sizeBytes: bytes.length }, 0);
    changeHeader(header, index);
    repairChecksum(header);
    return [header, bytes, Buffer.alloc(-bytes.length & 511)];
  });
  return Buffer.concat([...pieces, Buffer.alloc(1024)]);
}

function repairChecksum(header: Buffer): void {
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

/** Replaces a part's bytes; the manifest is made right again. */
export function withPart(parts: readonly Part[], ending: string, bytes: Buffer): readonly Part[] {
  const changed = parts.map((part) => (part.name.endsWith(ending) ? { ...part, bytes } : part));
  return withDigests(changed);
}

/** Makes the manifest tell the parts as they are. */
export function withDigests(parts: readonly Part[]): readonly Part[] {
  const lines = parts
    .filter(({ name }) => !name.endsWith('.mf'))
    .map(({ name, bytes }) => `SHA256(${name})= ${sha256(bytes)}\n`);
  return parts.map((part) =>
    part.name.endsWith('.mf') ? { ...part, bytes: Buffer.from(lines.join('')) } : part,
  );
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
