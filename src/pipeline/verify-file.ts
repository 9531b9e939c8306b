/** `pvmc verify`: stage 7 alone, for an appliance or a disk at hand. */
import { mkdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { type HypervisorName, hypervisorNamed } from '../hypervisors/registry.ts';
import { readManifest } from '../manifest/read.ts';
import { counted } from '../system/counted.ts';
import { formatSize } from '../system/size.ts';
import { type VerifyReport, verificationFailure } from '../verify/report.ts';
import { verifyAppliance } from '../verify/verify.ts';
import { verifyDiskFile } from '../verify/verify-disk-file.ts';
import { buildName } from './build-folder.ts';
import { eventProgress } from './event-progress.ts';
import type { FileRequest } from './events.ts';
import { limitsFor, slowLine, type Timeouts, wantedTimeouts } from './limits.ts';
import { preflightVerify } from './preflight.ts';
import { StageRunner } from './stage-runner.ts';
import { beginVerification } from './verification-record.ts';
import { isPackagePath, machineOf } from './verify-stage.ts';

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
  const { checks, timeouts, machine } = await wishes(manifestPath, options.timeouts);
  await preflightVerify(resolve(outputFolder), eventProgress(emit, signal));
  const hypervisor = hypervisorNamed(options.hypervisor);
  const { acceleration } = await hypervisor.capabilities();
  if (!acceleration.available) emit({ type: 'notice', line: slowLine(acceleration) });
  const name = buildName(basename(path).replace(/\.[^.]*$/, ''), 'verify', new Date());
  const workFolder = join(resolve(outputFolder), 'builds', name);
  await mkdir(workFolder, { recursive: true });
  const { verify: limitSeconds } = limitsFor(acceleration, timeouts);
  const limits = timeouts.silence === undefined ? {} : { silenceSeconds: timeouts.silence };
  const wanted = { checks, hypervisor, workFolder, limits };
  if (!isPackagePath(path) && manifestPath === undefined)
    emit({ type: 'notice', line: guess(machine) });
  const end = await beginVerification(workFolder, resolve(path));
  try {
    const report = await new StageRunner(emit, signal).run(
      'verify',
      { limitSeconds },
      async (progress) => {
        const value = isPackagePath(path)
          ? await verifyAppliance({ ...wanted, packagePath: resolve(path) }, progress)
          : await verifyDiskFile({ ...wanted, path: resolve(path), machine }, progress);
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
  if (manifestPath === undefined) return { checks: [], timeouts: given, machine: USUAL_MACHINE };
  const { manifest } = await readManifest(manifestPath);
  const { checks } = manifest;
  return { checks, timeouts: wantedTimeouts(manifest, given), machine: machineOf(manifest) };
}

/** For a disk of which nobody has said more; a small one that most systems boot in. */
const USUAL_MACHINE = { memoryBytes: 2 * 2 ** 30, cpus: 2, hasNetwork: true };

function guess({ memoryBytes, cpus }: typeof USUAL_MACHINE): string {
  return `A disk does not say what machine it is for: it gets ${formatSize(memoryBytes)} of memory and ${cpus} processors. --manifest says otherwise.`;
}
