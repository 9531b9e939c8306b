/** A Vagrant box for VirtualBox: an OVF package that Vagrant lets VirtualBox import, with Vagrant's own files. */
import { ovfDescriptor } from '../ovf/descriptor.ts';
import { BoxArchive } from './box-archive.ts';
import type { Format } from './format.ts';
import { PackagedVmdk } from './packaged-vmdk.ts';
import { boxCatalogue, boxMetadata, boxVagrantfile } from './vagrant-files.ts';

/** Vagrant looks for the descriptor under this name. */
const DESCRIPTOR = 'box.ovf';
const DISK = 'box-disk1.vmdk';

const names = (baseName: string) => ({
  box: `${baseName}-vagrant-virtualbox.box`,
  catalogue: `${baseName}-vagrant-virtualbox.json`,
});

export const vagrantVirtualBox: Format = {
  forms: ['deflated'],
  fileNames: (baseName) => [names(baseName).box, names(baseName).catalogue],
  details: [
    'OVF 1.1 descriptor, streamOptimized VMDK, Vagrantfile and metadata; one ustar, and a catalogue',
  ],
  room: 'deflated',
  proof: {
    type: 'disk',
    fileName: (baseName) => names(baseName).box,
    member: DISK,
    qemuFormat: 'vmdk',
  },
  write: async (job) => {
    const { manifest, baseName, sourceDateEpoch, disk, output } = job;
    const { box, catalogue } = names(baseName);
    const { sha256 } = await output.file(box, async (file) => {
      const archive = new BoxArchive(file, sourceDateEpoch);
      await archive.add('metadata.json', boxMetadata('virtualbox', disk.sizeBytes));
      await archive.add('Vagrantfile', boxVagrantfile('virtualbox', manifest));
      const vmdk = new PackagedVmdk(DISK, job);
      const sizeBytes = await archive.addStream(DISK, vmdk.content);
      // Behind the disk, whose size it tells.
      await archive.add(DESCRIPTOR, ovfDescriptor(manifest, vmdk.described(sizeBytes)));
      await archive.end();
      return undefined;
    });
    const text = boxCatalogue(manifest, { provider: 'virtualbox', fileName: box, sha256 });
    await output.stream(catalogue, [Buffer.from(text)]);
  },
};
