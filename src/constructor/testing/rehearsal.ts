/**
 * A construction in a folder of a test's: the context that steps get, running real programs, with
 * everything that was said kept. Nothing is mounted, and no disk but the test's file is named.
 */
import { join } from 'node:path';
import {
  INSTALLATION_MANIFEST_VERSION,
  type InstallationManifest,
} from '../../manifest/installation-manifest.ts';
import type { Amount } from '../../system/progress.ts';
import { Releases } from '../../system/releases.ts';
import { createContext } from '../context.ts';
import { ConstructionRecord } from '../record.ts';
import type { Context } from '../step.ts';

export interface Rehearsal {
  readonly context: Context;
  readonly logged: string[];
  readonly amounts: Amount[];
}

export interface RehearsalOptions {
  readonly folder: string;
  readonly manifest: InstallationManifest;
  readonly signal?: AbortSignal | undefined;
}

/** The root is `FOLDER/root`, the package files lie in `FOLDER` itself. */
export function rehearse({ folder, manifest, signal }: RehearsalOptions): Rehearsal {
  const logged: string[] = [];
  const amounts: Amount[] = [];
  const context = createContext({
    manifest,
    payloadFolder: folder,
    progress: {
      signal: signal ?? new AbortController().signal,
      log: (line, origin = '') => void logged.push(`${origin}: ${line}`),
      amount: (amount) => void amounts.push(amount),
      notice: () => {},
    },
    record: new ConstructionRecord(join(folder, 'no-record')),
    releases: new Releases(),
  });
  context.workspace.root = join(folder, 'root');
  context.workspace.packages = folder;
  return { context, logged, amounts };
}

/** An installation manifest that asks for nothing but `appliance`. */
export function installationOf(
  appliance: InstallationManifest['appliance'],
  changes: Partial<InstallationManifest> = {},
): InstallationManifest {
  return {
    version: INSTALLATION_MANIFEST_VERSION,
    pvmc: '0.1.0',
    appliance,
    sourceDateEpoch: Date.UTC(2026, 0, 2, 3, 4, 6) / 1000,
    packages: [],
    identifiers: {
      diskGuid: '11111111-1111-8111-8111-111111111111',
      biosBootGuid: '22222222-2222-8222-8222-222222222222',
      espGuid: '33333333-3333-8333-8333-333333333333',
      rootPartitionGuid: '44444444-4444-8444-8444-444444444444',
      rootUuid: '55555555-5555-8555-8555-555555555555',
      rootHashSeed: '66666666-6666-8666-8666-666666666666',
      espSerial: '12ab34cd',
    },
    files: [],
    scripts: [],
    aptSources: { text: '', keyrings: [] },
    ...changes,
  };
}
