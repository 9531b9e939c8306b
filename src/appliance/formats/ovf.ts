/** The package as a folder: the same descriptor, manifest and disk as in the OVA, side by side. */
import { encodeDigests } from '../ova/mf.ts';
import { ovaNames } from '../ova/writer.ts';
import { ovfDescriptor } from '../ovf/descriptor.ts';
import { signatureName } from '../signature/certificate-file.ts';
import type { Format, FormatJob } from './format.ts';
import { packageSignature } from './package-signature.ts';
import { PackagedVmdk } from './packaged-vmdk.ts';

export const ovf: Format = {
  forms: ['deflated'],
  fileNames: (baseName, signing) => {
    const { descriptor, digests, signature, disk } = places(baseName);
    return [descriptor, digests, ...(signing === 'signed' ? [signature] : []), disk];
  },
  details: ['a folder with OVF 1.1 descriptor, SHA-256 digests and streamOptimized VMDK'],
  isSigned: true,
  room: 'deflated',
  proof: { type: 'disk', fileName: (baseName) => places(baseName).disk, qemuFormat: 'vmdk' },
  write,
};

/** In the output folder. */
function places(baseName: string) {
  const { descriptor, digests, disk } = ovaNames(baseName);
  const folder = `${baseName}-ovf`;
  return {
    descriptor: `${folder}/${descriptor}`,
    digests: `${folder}/${digests}`,
    signature: `${folder}/${signatureName(digests)}`,
    disk: `${folder}/${disk}`,
  };
}

async function write(job: FormatJob): Promise<void> {
  const { manifest, baseName, output } = job;
  const names = ovaNames(baseName);
  const place = places(baseName);
  const vmdk = new PackagedVmdk(names.disk, job);
  const disk = await output.stream(place.disk, vmdk.content);
  const text = ovfDescriptor(manifest, vmdk.described(disk.sizeBytes));
  const descriptor = await output.stream(place.descriptor, [Buffer.from(text)]);
  const digests = Buffer.from(
    encodeDigests([
      { name: names.descriptor, sha256: descriptor.sha256 },
      { name: names.disk, sha256: disk.sha256 },
    ]),
  );
  await output.stream(place.digests, [digests]);
  const signature = packageSignature(job, names.digests);
  if (signature) await output.stream(place.signature, [await signature.sign(digests)]);
}
