/** The finished file read back: are its members, digests, descriptor and disk what they should be? */

import { refuse } from '../appliance/broken.ts';
import { isDescriptor, type PackageFile } from '../appliance/ova/members.ts';
import {
  checkDescriptor,
  checkDigests,
  extractDisk,
  type MachineFacts,
  openOva,
} from '../appliance/read-ova.ts';
import { checkSignature, signatureWords } from '../appliance/signature/check-signature.ts';
import { openFolder } from '../lint/package.ts';
import { counted } from '../system/counted.ts';
import { formatSize } from '../system/size.ts';
import { aliveByAmount, type Steps, type VerifyProgress } from './progress.ts';
import { checkOf, skipped, type VerifyCheck } from './report.ts';

export interface ReadBack {
  readonly checks: readonly VerifyCheck[];
  /** What to boot; undefined when something is wrong with the file. The disk is at `diskPath`. */
  readonly machine: MachineFacts | undefined;
}

export interface ReadBackRequest {
  /** An OVA, or an OVF with its files beside it. */
  readonly packagePath: string;
  /** Where the disk is unpacked. */
  readonly diskPath: string;
}

/** Steps that reading back begins. */
export const READ_BACK_STEPS = 3;

/** @throws PvmcError of the kind `input` when the file is no OVA at all. */
export async function readBack(
  { packagePath, diskPath }: ReadBackRequest,
  steps: Steps,
  progress: VerifyProgress,
): Promise<ReadBack> {
  await using ova = await openWhole(packagePath);
  const alive: VerifyProgress = aliveByAmount(progress);
  steps.begin('digests', 'Compare the digests');
  const digests = await checkOf('digests', async () => {
    await checkDigests(ova, alive);
    return `${counted(ova.members.length, 'file')}, ${formatSize(ova.sizeBytes)}`;
  });
  const signature = await signatureCheck(ova, progress);
  steps.begin('descriptor', 'Check the descriptor');
  let machine: MachineFacts | undefined;
  const descriptor = await checkOf('descriptor', async () => {
    machine = await checkDescriptor(ova);
    return `${counted(machine.cpus, 'CPU')}, ${formatSize(machine.memoryBytes)} of memory`;
  });
  if (machine === undefined) {
    steps.skip(1);
    const disk = skipped('disk', 'the descriptor does not say which it is');
    return { checks: [digests, ...signature, descriptor, disk], machine };
  }
  steps.begin('disk', 'Unpack the disk');
  const facts = machine;
  const disk = await checkOf('disk', async () => {
    await extractDisk(ova, { disk: facts.disk, path: diskPath, progress: alive });
    return formatSize(facts.disk.capacityBytes);
  });
  const checks = [digests, ...signature, descriptor, disk];
  const good = checks.every(({ outcome }) => outcome === 'passed');
  return { checks, machine: good ? machine : undefined };
}

interface WholePackage extends AsyncDisposable {
  readonly members: readonly PackageFile[];
  readonly sizeBytes: number;
}

async function openWhole(path: string): Promise<WholePackage> {
  if (!isDescriptor(path)) return openOva(path);
  const folder = await openFolder(path);
  const { files: members } = folder;
  const sizeBytes = members.reduce((sum, file) => sum + file.sizeBytes, 0);
  return { members, sizeBytes, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** Of a package that is signed. That somebody is to be trusted is not said. */
async function signatureCheck(
  { members }: WholePackage,
  progress: VerifyProgress,
): Promise<readonly VerifyCheck[]> {
  let isSigned = true;
  const check = await checkOf('signature', async () => {
    const signature = await checkSignature(members, refuse);
    isSigned = signature !== undefined;
    for (const { message } of signature?.concerns ?? []) progress.notice(message);
    return signature && signatureWords(signature);
  });
  return isSigned ? [check] : [];
}
