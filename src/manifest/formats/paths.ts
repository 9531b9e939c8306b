/** Paths in the appliance, paths beside the manifest, and permission bits. */
import type { Complaint, TextCheck } from '../field.ts';
import { quote } from '../quote.ts';

/** Why nothing can be put below these folders: the running system covers them with something else. */
const COVERED: ReadonlyMap<string, string> = new Map([
  ['proc', 'the running system shows its processes there'],
  ['sys', 'the running system shows its devices there'],
  ['dev', 'the running system creates its device files there'],
  ['run', 'it is empty at every start'],
  ['tmp', 'it is empty at every start'],
]);

/** An absolute, plain path: what it says is where it goes. */
export const absolutePath: TextCheck = (path) => {
  if (!path.startsWith('/')) {
    return {
      message: `${quote(path)} is not an absolute path`,
      hint: `begin it with a slash: ${quote(`/${path.replace(/^(?:\.\/)+/, '')}`)}`,
    };
  }
  return plainPath(path);
};

function plainPath(path: string): Complaint | undefined {
  const parts = path.slice(1).split('/');
  if (parts.includes('..')) return { message: `${quote(path)} has a ".." in it` };
  if (parts.includes('') || parts.includes('.')) {
    return {
      message: `${quote(path)} is not the plain form of a path`,
      hint: 'leave out double slashes, "." and a slash at the end',
    };
  }
  if (/\p{Cc}/u.test(path)) return { message: `${quote(path)} has control characters` };
  if (parts.some((part) => Buffer.byteLength(part) > 255) || Buffer.byteLength(path) > 4000) {
    return { message: `${quote(path)} is longer than a path can be` };
  }
  return undefined;
}

/** Where a file of the appliance goes. */
export const appliancePath: TextCheck = (path) => {
  const complaint = absolutePath(path);
  if (complaint) return complaint;
  const reason = COVERED.get(path.split('/')[1] ?? '');
  return reason === undefined
    ? undefined
    : { message: `${quote(path)} would never be seen in the appliance: ${reason}` };
};

/** A file or folder on this computer. Whether it is there, payload.ts finds out. */
export const hostPath: TextCheck = (path) => {
  if (path.trim() === '') return { message: 'is empty' };
  if (path.startsWith('~')) {
    return {
      message: `${quote(path)} begins with ~, which only a shell understands`,
      hint: 'write a path relative to the manifest, or an absolute one',
    };
  }
  return /\p{Cc}/u.test(path) ? { message: `${quote(path)} has control characters` } : undefined;
};

export const MODE = /^[0-7]{3,4}$/;

export const mode: TextCheck = (value) =>
  MODE.test(value)
    ? undefined
    : {
        message: `${quote(value)} is not a file mode`,
        hint: 'write three or four octal digits in quotes, e.g. "0644" or "0755"',
      };
