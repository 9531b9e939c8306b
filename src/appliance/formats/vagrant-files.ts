/** What makes a Vagrant box of a disk: the small files in it, and the catalogue beside it. */
import type { Manifest } from '../../manifest/schema.ts';

export type VagrantProvider = 'virtualbox' | 'libvirt';

const GIB = 2 ** 30;
const MIB = 2 ** 20;

/** `metadata.json`, which tells Vagrant whom the box is for. */
export function boxMetadata(provider: VagrantProvider, diskBytes: number): string {
  const disk = { format: 'qcow2', virtual_size: Math.ceil(diskBytes / GIB) };
  return json({ provider, architecture: 'amd64', ...(provider === 'libvirt' ? disk : {}) });
}

/** The box's own `Vagrantfile`, whose words count unless a user's say otherwise. */
export function boxVagrantfile(provider: VagrantProvider, { machine }: Manifest): string {
  const lines = [
    '# Of the box: what your own Vagrantfile says goes before it.',
    'Vagrant.configure("2") do |config|',
    '  # Sharing a folder takes a program in the appliance: the Guest Additions, rsync or an NFS client.',
    '  config.vm.synced_folder ".", "/vagrant", disabled: true',
  ];
  if (provider === 'libvirt') {
    lines.push(
      '',
      '  config.vm.provider :libvirt do |libvirt|',
      `    libvirt.cpus = ${machine.cpus}`,
      `    libvirt.memory = ${Math.ceil(machine.memory / MIB)}`,
      '  end',
    );
  }
  return `${[...lines, 'end'].join('\n')}\n`;
}

export interface FinishedBox {
  readonly provider: VagrantProvider;
  /** It lies beside the catalogue. */
  readonly fileName: string;
  readonly sha256: string;
}

/** The catalogue for `vagrant box add`: with it a box has a version, and is compared with its digest. */
export function boxCatalogue(manifest: Manifest, { provider, fileName, sha256 }: FinishedBox) {
  const { name, version, description } = manifest;
  return json({
    name,
    description,
    versions: [
      {
        version,
        providers: [
          {
            name: provider,
            url: fileName,
            checksum_type: 'sha256',
            checksum: sha256,
            architecture: 'amd64',
            default_architecture: true,
          },
        ],
      },
    ],
  });
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
