/** What to type to go on with a build that was cut off or has failed. */
import { resolve } from 'node:path';
import { USUAL_HYPERVISOR } from '../hypervisors/registry.ts';
import { commandLine } from '../system/run.ts';
import type { BuildOptions } from './build-options.ts';

export function resumeCommand(options: BuildOptions): string {
  const { manifestPath, outputFolder, hypervisor, mediumPath, verify } = options;
  const { until, keep, timeouts, cacheFolder } = options;
  const option = (name: string, value: string | undefined) =>
    value === undefined ? [] : [name, value];
  return commandLine([
    './pvmc',
    'build',
    '--resume',
    manifestPath,
    ...option('--output', outputFolder === resolve('out') ? undefined : outputFolder),
    ...option('--hypervisor', hypervisor === USUAL_HYPERVISOR ? undefined : hypervisor),
    ...option('--medium', mediumPath),
    ...option('--sign-key', options.signKeyPath),
    ...option('--sign-certificate', options.signCertificatePath),
    ...(verify ? [] : ['--no-verify']),
    ...option('--until', until),
    ...option('--keep', keep === 'latest' ? undefined : keep),
    ...Object.entries(timeouts).flatMap(([what, seconds]) => ['--timeout', `${what}=${seconds}s`]),
    ...option('--cache', cacheFolder),
  ]);
}
