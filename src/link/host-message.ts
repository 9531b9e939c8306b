/**
 * What the host says, checked. The guest's end has no schema library, and believes a host no more than
 * the host believes it: an echo of its own words, a broken message or one of another release is nothing.
 */
import { plainText } from '../system/plain-text.ts';
import type { HostMessage } from './protocol.ts';

/** What was said, if it is a message of the host. */
export function checkHostMessage(said: unknown): HostMessage | undefined {
  if (!isRecord(said)) return undefined;
  const { type, checkpoints, name, why } = said;
  switch (type) {
    case 'welcome':
      return typeof checkpoints === 'boolean' ? { type, checkpoints } : undefined;
    case 'checkpoint-taken':
      return typeof name === 'string' ? { type, name: line(name) } : undefined;
    case 'checkpoint-refused':
      return typeof name === 'string' && typeof why === 'string'
        ? { type, name: line(name), why: line(why) }
        : undefined;
    default:
      return undefined;
  }
}

function isRecord(said: unknown): said is Readonly<Record<string, unknown>> {
  return typeof said === 'object' && said !== null;
}

function line(text: string): string {
  return plainText(text).replaceAll('\n', ' ');
}
