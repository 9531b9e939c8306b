/** The EFI system partition of the medium: a small FAT file system with GRUB's EFI program. */
import { stat, writeFile } from 'node:fs/promises';
import type { Progress } from '../system/progress.ts';
import { run } from '../system/run.ts';

export interface EspImage {
  readonly path: string;
  readonly efiProgramPath: string;
  /** What GRUB reads first. */
  readonly configuration: string;
  readonly sourceDateEpoch: number;
}

/** Room for the file system's own tables and the configuration. */
const SPARE_BYTES = 128 * 1024;

/** mtools: the same inputs give the same bits once the serial number and the dates are told. */
export async function writeEspImage(image: EspImage, progress: Progress): Promise<void> {
  const programBytes = (await stat(image.efiProgramPath)).size;
  const kibibytes = Math.ceil((programBytes + SPARE_BYTES) / 1024 / 64) * 64;
  const configurationPath = `${image.path}.cfg`;
  await writeFile(configurationPath, image.configuration);
  const tool = (...argv: string[]) =>
    run(argv, {
      signal: progress.signal,
      env: { SOURCE_DATE_EPOCH: String(image.sourceDateEpoch), TZ: 'UTC', MTOOLS_SKIP_CHECK: '1' },
    });
  // mtools would succeed on a disk that fills up, with half an image; now its blocks are there before.
  await writeFile(image.path, Buffer.alloc(kibibytes * 1024));
  const geometry = ['-T', String(kibibytes * 2), '-h', '2', '-s', '32'];
  await tool('mformat', '-i', image.path, ...geometry, '-N', '50564d43', '-v', 'PVMC', '::');
  await tool('mmd', '-i', image.path, '::/EFI', '::/EFI/BOOT');
  await tool('mcopy', '-i', image.path, image.efiProgramPath, '::/EFI/BOOT/BOOTX64.EFI');
  await tool('mcopy', '-i', image.path, configurationPath, '::/EFI/grub.cfg');
}
