/** `pvmc check`: everything that can be known of a manifest before anything starts. */

import { vagrantNotices } from '../appliance/formats/vagrant-notices.ts';
import { cacheFolder } from './cache-folder.ts';
import { eventProgress } from './event-progress.ts';
import type { FileRequest } from './events.ts';
import { readAppliance, resolveAppliance } from './prepare.ts';

export interface CheckOptions {
  /** Leaves out what needs the network: whether the repository has the packages. */
  readonly offline: boolean;
  readonly cacheFolder?: string | undefined;
}

export interface CheckReport {
  readonly appliance: string;
  readonly version: string;
  /** Undefined when the repository was not asked. */
  readonly packages?: { readonly count: number; readonly downloadBytes: number } | undefined;
}

/** @throws ManifestError with all the problems; PvmcError when the repository is at fault. */
export async function checkManifest(request: FileRequest<CheckOptions>): Promise<CheckReport> {
  const { path, options, emit, signal } = request;
  const appliance = await readAppliance(path);
  const { name, version } = appliance.file.manifest;
  for (const line of vagrantNotices(appliance.file.manifest)) emit({ type: 'notice', line });
  const report = { appliance: name, version };
  if (options.offline) return report;
  const progress = eventProgress(emit, signal);
  const { totals } = await resolveAppliance(appliance, cacheFolder(options.cacheFolder), progress);
  const { packageCount: count, downloadBytes } = totals;
  return { ...report, packages: { count, downloadBytes } };
}
