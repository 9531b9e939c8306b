/**
 * OVAs: the package in one file, in one pass over the disk. The default is for everybody; the variants are
 * for one importer alone, where one file cannot have the best of both.
 */
import { ovaNames, writeOva } from '../ova/writer.ts';
import { ovfDescriptor } from '../ovf/descriptor.ts';
import type { OvfTarget } from '../ovf/targets.ts';
import type { Format } from './format.ts';
import { packageSignature } from './package-signature.ts';
import { PackagedVmdk } from './packaged-vmdk.ts';

const PARTS = 'SHA-256 digests, streamOptimized VMDK; one ustar';

export const ova = ovaFor('any', {
  ending: '',
  details: [`OVF 1.1 descriptor, ${PARTS}`],
});

export const ovaVmware = ovaFor('vmware', {
  ending: '-vmware',
  details: [`OVF 1.1 descriptor for VMware, ${PARTS}`, 'paravirtual SCSI, VmxNet3'],
});

export const ovaVirtualBox = ovaFor('virtualbox', {
  ending: '-virtualbox',
  details: [`OVF 1.1 descriptor for VirtualBox, ${PARTS}`, 'AHCI, virtio network, VMSVGA'],
});

interface OvaWords {
  /** Of the base name: two OVAs of one folder do not have the same. */
  readonly ending: string;
  readonly details: readonly string[];
}

function ovaFor(target: OvfTarget, { ending, details }: OvaWords): Format {
  const fileName = (baseName: string) => `${baseName}${ending}.ova`;
  return {
    forms: ['deflated'],
    fileNames: (baseName) => [fileName(baseName)],
    details,
    isSigned: true,
    room: 'deflated',
    proof: { type: 'ova' },
    write: async (job) => {
      const { manifest, baseName, sourceDateEpoch } = job;
      // All members have the archive's name without its ending.
      const names = ovaNames(`${baseName}${ending}`);
      const vmdk = new PackagedVmdk(names.disk, job);
      await job.output.file(fileName(baseName), async (file) => {
        await writeOva(file, {
          names,
          sourceDateEpoch,
          signature: packageSignature(job, names.digests),
          files: [{ name: names.disk, content: vmdk.content }],
          descriptor: ([written]) =>
            ovfDescriptor(manifest, vmdk.described(written?.sizeBytes ?? 0), target),
        });
        return undefined;
      });
    },
  };
}
