/** An OVA: the package in one file, in one pass over the disk. */
import { ovaNames, writeOva } from '../ova/writer.ts';
import { ovfDescriptor } from '../ovf/descriptor.ts';
import type { Format, FormatJob } from './format.ts';
import { packageSignature } from './package-signature.ts';
import { PackagedVmdk } from './packaged-vmdk.ts';

export const ova: Format = {
  forms: ['deflated'],
  fileNames: (baseName) => [`${baseName}.ova`],
  details: ['OVF 1.1 descriptor, SHA-256 digests, streamOptimized VMDK; one ustar'],
  isSigned: true,
  room: 'deflated',
  proof: { type: 'ova' },
  write,
};

async function write(job: FormatJob): Promise<void> {
  const { manifest, baseName, sourceDateEpoch } = job;
  const names = ovaNames(baseName);
  const vmdk = new PackagedVmdk(names.disk, job);
  await job.output.file(`${baseName}.ova`, async (file) => {
    await writeOva(file, {
      names,
      sourceDateEpoch,
      signature: packageSignature(job, names.digests),
      files: [{ name: names.disk, content: vmdk.content }],
      descriptor: ([written]) => ovfDescriptor(manifest, vmdk.described(written?.sizeBytes ?? 0)),
    });
    return undefined;
  });
}
