/** `checks`: what must be true of the booted appliance. */
import { z } from 'zod';
import { text } from '../field.ts';
import { checkUrl } from '../formats/addresses.ts';

const notBlank = () => text((value) => (value.trim() === '' ? { message: 'is empty' } : undefined));

/** Kinds of checks, by the key that each must have. */
export const checkSchema = z.union([
  z.strictObject({
    command: notBlank().meta({
      description: 'A shell command, run as root. The check passes when it exits with 0.',
      examples: ['systemctl is-active nginx'],
    }),
  }),
  z.strictObject({
    port: z
      .int()
      .min(1)
      .max(65535)
      .meta({ description: 'A TCP port on which something listens.', examples: [22] }),
  }),
  z.strictObject({
    http: text(checkUrl).meta({
      description: 'A URL that answers, asked from inside the appliance.',
      examples: ['http://localhost/'],
    }),
    status: z
      .int()
      .min(100)
      .max(599)
      .meta({ description: 'The status that the answer has.', examples: [301] })
      .default(200),
    contains: notBlank()
      .meta({ description: 'A text that the answer has in it.', examples: ['Hello'] })
      .optional(),
  }),
]);
