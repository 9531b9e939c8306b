/** What the lint finds in the files that other tools write. The documentation tells it; tests run the tools. */
import type { RuleName } from './rules.ts';

export interface ForeignFile {
  readonly command: string;
  readonly found: readonly RuleName[];
  /** Whether `--fix` leaves nothing but notes. */
  readonly fix: string;
}

/** qemu-img 7.2 and later. */
export const QEMU_FILES = {
  streamOptimized: {
    command: '`qemu-img convert -O vmdk -o subformat=streamOptimized`',
    found: ['vmdk-footer-missing', 'vmdk-ide'],
    fix: 'nothing is left; grains are taken over as they are',
  },
  monolithicSparse: {
    command: '`qemu-img convert -O vmdk` (monolithicSparse)',
    found: ['vmdk-sparse', 'vmdk-ide'],
    fix: 'nothing is left; the disk is compressed',
  },
  monolithicFlat: {
    command: '`qemu-img convert -O vmdk -o subformat=monolithicFlat`',
    found: ['vmdk-foreign'],
    fix: 'writes nothing new',
  },
} as const satisfies Readonly<Record<string, ForeignFile>>;

const VIRTUALBOX: readonly RuleName[] = [
  'end-missing',
  'member-attributes',
  'manifest-spelling',
  'manifest-sha1',
  'system-type-virtualbox',
];

/** VirtualBox 7.2. */
export const VIRTUALBOX_FILES = {
  bios: {
    command: '`VBoxManage export … --ovf10 --manifest`',
    found: [...VIRTUALBOX, 'units-old', 'vmdk-ide'],
    fix: 'leaves `system-type-virtualbox`',
  },
  efi: {
    command: 'the same of a machine with EFI and an NVRAM',
    found: [...VIRTUALBOX, 'item-unknown', 'units-old', 'vmdk-ide'],
    fix: 'leaves `system-type-virtualbox` and `item-unknown`',
  },
  ovf20: {
    command: '`VBoxManage export … --ovf20 --manifest`',
    found: ['end-missing', 'member-attributes', 'manifest-spelling', 'envelope-version'],
    fix: 'refuses, as OVF 2 is another format',
  },
} as const satisfies Readonly<Record<string, ForeignFile>>;
