/** `pvmc verify`: stage 7 alone, for an OVA at hand. */
import { mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type HypervisorName, hypervisorNamed } from '../hypervisors/registry.ts';
import { readManifest } from '../manifest/read.ts';
import { counted } from '../system/counted.ts';
import { type VerifyReport, verificationFailure } from '../verify/report.ts';
import { verifyAppliance } from '../verify/verify.ts';
import { buildName } from './build-folder.ts';
import { eventProgress } from './event-progress.ts';
import type { FileRequest } from './events.ts';
import { limitsFor, slowLine, type Timeouts, wantedTimeouts } from './limits.ts';
import { preflightVerify } from './preflight.ts';
import { StageRunner } from './stage-runner.ts';
import { beginVerification } from './verification-record.ts';

export interface VerifyOptions {
  readonly hypervisor: HypervisorName;
  readonly timeouts: Timeouts;
  /** The manifest whose checks are run in the booted appliance. */
  readonly manifestPath?: string | undefined;
  /** The report, the pictures and the logs go to `FOLDER/builds/NAME-verify-TIMESTAMP`. */
  readonly outputFolder: string;
}

/** What was found, failures among it. @throws PvmcError when the file or this computer is at fault. */
export async function verifyFile(request: FileRequest<VerifyOptions>): Promise<VerifyReport> {
  const { path, options, emit, signal } = request;
  const { manifestPath, outputFolder } = options;
  const { checks, timeouts } = await wishes(manifestPath, options.timeouts);
  await preflightVerify(resolve(outputFolder), eventProgress(emit, signal));
  const hypervisor = hypervisorNamed(options.hypervisor);
  const { acceleration } = await hypervisor.capabilities();
  if (!acceleration.available) emit({ type: 'notice', line: slowLine(acceleration) });
  const name = buildName(basename(path).replace(/\.[^.]*$/, ''), 'verify', new Date());
  const workFolder = join(resolve(outputFolder), 'builds', name);
  await mkdir(workFolder, { recursive: true });
  const { verify: limitSeconds } = limitsFor(acceleration, timeouts);
  const limits = timeouts.silence === undefined ? {} : { silenceSeconds: timeouts.silence };
  const end = await beginVerification(workFolder, resolve(path));
  try {
    const report = await new StageRunner(emit, signal).run(
      'verify',
      { limitSeconds },
      async (progress) => {
        const value = await verifyAppliance(
          { ovaPath: resolve(path), checks, hypervisor, workFolder, limits },
          progress,
        );
        return { value, result: counted(value.checks.length, 'check') };
      },
    );
    await end(verificationFailure(report, path) ? 'failed' : 'succeeded');
    return report;
  } catch (thrown) {
    // What was thrown tells more than a record that cannot be written, on a full disk for instance.
    await end(signal.aborted ? 'interrupted' : 'failed').catch(() => {});
    throw thrown;
  }
}

async function wishes(manifestPath: string | undefined, given: Timeouts) {
  if (manifestPath === undefined) return { checks: [], timeouts: given };
  const { manifest } = await readManifest(manifestPath);
  return { checks: manifest.checks, timeouts: wantedTimeouts(manifest, given) };
}
