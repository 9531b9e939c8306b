/**
 * What the guest says, checked. The other end may be broken, of another release, or taken over by
 * somebody: nothing that it says may break the host, forge a terminal's escape sequences, or be
 * believed beyond its shape.
 */
import { z } from 'zod';
import { plainText } from '../system/plain-text.ts';
import type { GuestMessage } from './protocol.ts';

/** One line: no escape sequences, no control characters, tabs as they are. */
const line = z.string().transform((text) => plainText(text).replaceAll('\n', ' '));
/** Several lines. */
const prose = z.string().transform(plainText);
const seconds = z.number().nonnegative();
const count = z.number().nonnegative();

const amount = z.object({
  done: count,
  total: count.optional(),
  unit: z.enum(['bytes', 'packages', 'files', 'steps']),
});

const verdict = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), seconds }),
  z.object({
    ok: z.literal(false),
    step: line,
    code: line,
    message: prose,
    hint: prose.optional(),
    details: z.array(line),
  }),
]);

const guestMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    constructor: line,
    kernel: line,
    uptimeSeconds: seconds,
  }),
  z.object({ type: z.literal('plan'), steps: z.array(z.object({ name: line, title: line })) }),
  z.object({ type: z.literal('step-started'), step: line }),
  z.object({ type: z.literal('step-finished'), step: line, seconds }),
  z.object({ type: z.literal('amount'), step: line, amount }),
  z.object({ type: z.literal('log'), origin: line, line }),
  z.object({ type: z.literal('notice'), line }),
  z.object({ type: z.literal('alive'), uptimeSeconds: seconds }),
  z.object({
    type: z.literal('file'),
    name: z.string(),
    last: z.boolean(),
    base64: z.string(),
  }),
  z.object({ type: z.literal('checkpoint'), name: line, key: line }),
  z.object({ type: z.literal('verdict'), verdict }),
]) satisfies z.ZodType<GuestMessage>;

export type CheckedMessage =
  | { readonly known: true; readonly message: GuestMessage }
  /** `why` is for the log: another release's message, or a broken one. */
  | { readonly known: false; readonly why: string };

/** Checks what the decoder delivered. */
export function checkMessage(said: unknown): CheckedMessage {
  const checked = guestMessage.safeParse(said);
  if (checked.success) return { known: true, message: checked.data };
  const type = z.object({ type: z.string() }).safeParse(said).data?.type;
  if (type === undefined) return { known: false, why: 'something that is no message' };
  const shown = JSON.stringify(plainText(type).slice(0, 40));
  const where = checked.error.issues[0]?.path.map(String).join('.') ?? '';
  return {
    known: false,
    why: where === 'type' ? `a message of the unknown type ${shown}` : `a broken ${shown} message`,
  };
}
