/** `budget`: how large the appliance may become. Checked before an export gets its name. */
import { z } from 'zod';
import { size } from '../field.ts';

const LIMITS = { least: '1 MiB', most: '2 TiB' };

export const budgetSchema = z
  .strictObject({
    export: size(LIMITS, {
      description: 'What each export may have, all files of its format together.',
      examples: ['500 MiB'],
    }).optional(),
    'disk-data': size(LIMITS, {
      description:
        "What may be in use on the appliance's disk: all that is not zeros, in blocks of 64 KiB.",
      examples: ['2 GiB'],
    }).optional(),
  })
  // Somebody who writes it means to be protected, and would not be.
  .refine((budget) => Object.keys(budget).length > 0, {
    message: 'is empty, and so limits nothing',
    // Unknown keys, which are told already, are not among them any more.
    when: ({ issues }) => issues.length === 0,
    params: {
      hint: 'give `export`, `disk-data` or both, e.g. export: 500 MiB; or leave budget out',
    },
  });
