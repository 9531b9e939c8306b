/**
 * What the probe says on the link. The framing is the link's; the words are verify's own, since the
 * one who speaks is not the constructor.
 */
import { z } from 'zod';
import { plainText } from '../system/plain-text.ts';

/** The lines of a text that travelled as base64. */
const lines = z
  .string()
  .transform((text) =>
    Buffer.from(text, 'base64').toString('utf8').replaceAll('\r', '').split('\n').map(plainText),
  )
  .transform((all) => all.filter((line) => line.trim() !== ''));

const uptime = z.number().nonnegative();
const check = z.int().nonnegative();

const probeMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), uptime }),
  /** The boot is not complete; these units are being started. */
  z.object({ type: z.literal('waiting'), uptime, jobs: lines }),
  /** The boot is complete; `state` as systemctl's is-system-running says it. */
  z.object({
    type: z.literal('up'),
    uptime,
    state: z.enum(['running', 'degraded', 'maintenance', 'stopping']),
    failed: lines,
    journal: lines,
  }),
  z.object({ type: z.literal('check-started'), uptime, check }),
  z.object({ type: z.literal('check-finished'), uptime, check, status: z.int(), output: lines }),
  /** The checks are over; these units have failed by now. */
  z.object({ type: z.literal('done'), uptime, failed: lines, journal: lines }),
]);

export type ProbeMessage = z.infer<typeof probeMessage>;

/** Undefined for what is no message of the probe. */
export function readProbeMessage(said: unknown): ProbeMessage | undefined {
  return probeMessage.safeParse(said).data;
}
