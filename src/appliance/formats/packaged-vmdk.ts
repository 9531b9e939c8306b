/** The VMDK of an OVF package, and what the descriptor has to say of it. */
import { derivedContentId } from '../../system/identity.ts';
import type { PackagedDisk } from '../ovf/descriptor.ts';
import { streamOptimizedVmdk } from '../vmdk/writer.ts';
import type { FormatJob } from './format.ts';

type VmdkJob = Pick<FormatJob, 'manifest' | 'baseName' | 'disk'>;

export class PackagedVmdk {
  /** To be read once. */
  readonly content: AsyncIterable<Buffer>;
  readonly #fileName: string;
  readonly #capacityBytes: number;
  /** The largest that it can become, until all is written. */
  #populatedBytes: number;

  constructor(fileName: string, job: VmdkJob) {
    const { sizeBytes } = job.disk;
    this.#fileName = fileName;
    this.#capacityBytes = sizeBytes;
    this.#populatedBytes = sizeBytes;
    this.content = namedVmdk(fileName, job, (storedBytes) => {
      this.#populatedBytes = Math.min(storedBytes, sizeBytes);
    });
  }

  /** For a file of this size. */
  described(sizeBytes: number): PackagedDisk {
    return {
      fileName: this.#fileName,
      sizeBytes,
      capacityBytes: this.#capacityBytes,
      populatedBytes: this.#populatedBytes,
    };
  }
}

/** A streamOptimized VMDK that knows itself by this name. */
export function namedVmdk(
  name: string,
  { manifest, baseName, disk }: VmdkJob,
  onStored?: (storedBytes: number) => void,
): AsyncIterable<Buffer> {
  const contentId = derivedContentId(baseName, manifest.version, String(disk.sizeBytes));
  return streamOptimizedVmdk({
    disk,
    identity: { name, contentId },
    ...(onStored && { onStored }),
  });
}
