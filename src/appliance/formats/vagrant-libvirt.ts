/** A Vagrant box for libvirt: a qcow2 with Vagrant's own files. */
import { writeQcow2 } from '../qcow2/writer.ts';
import { BoxArchive } from './box-archive.ts';
import type { Format } from './format.ts';
import { boxCatalogue, boxMetadata, boxVagrantfile } from './vagrant-files.ts';

/** The provider looks for the disk under this name. */
const DISK = 'box.img';

const names = (baseName: string) => ({
  box: `${baseName}-vagrant-libvirt.box`,
  catalogue: `${baseName}-vagrant-libvirt.json`,
});

export const vagrantLibvirt: Format = {
  forms: ['deflatedSmall'],
  fileNames: (baseName) => [names(baseName).box, names(baseName).catalogue],
  details: ['compressed qcow2, Vagrantfile and metadata; one ustar, and a catalogue'],
  room: 'deflated',
  proof: {
    type: 'disk',
    fileName: (baseName) => names(baseName).box,
    member: DISK,
    qemuFormat: 'qcow2',
  },
  write: async ({ manifest, baseName, sourceDateEpoch, disk, output }) => {
    const { box, catalogue } = names(baseName);
    const { sha256 } = await output.file(box, async (file) => {
      const archive = new BoxArchive(file, sourceDateEpoch);
      await archive.add('metadata.json', boxMetadata('libvirt', disk.sizeBytes));
      await archive.add('Vagrantfile', boxVagrantfile('libvirt', manifest));
      await archive.addPlaced(DISK, (part) => writeQcow2(part, disk));
      await archive.end();
      return undefined;
    });
    const text = boxCatalogue(manifest, { provider: 'libvirt', fileName: box, sha256 });
    await output.stream(catalogue, [Buffer.from(text)]);
  },
};
