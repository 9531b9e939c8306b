/** `timeouts`: deadlines of the build, for what takes longer than pvmc expects. */
import { z } from 'zod';
import { duration } from '../field.ts';

const stage = (what: string, example: string) =>
  duration({ description: what, examples: [example] }).optional();

export const timeoutsSchema = z.strictObject({
  media: stage('To make the PVMC ISO.', '30 min'),
  machine: stage('To configure the machine.', '1 min'),
  start: stage('To start the machine.', '2 min'),
  boot: stage('From power-on to the constructor’s first word.', '10 min'),
  construct: stage('To construct the appliance in the guest, scripts included.', '2 h'),
  export: stage('To write the exports.', '1 h'),
  verify: stage('To see the export boot and to run the checks.', '30 min'),
  silence: stage('How long the guest may say nothing at all.', '10 min'),
});
