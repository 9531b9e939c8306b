/** Whether there is room for what a build will write, in the folders that it writes to. */
import { counted } from '../../system/counted.ts';
import { formatSize } from '../../system/size.ts';
import { type FileSystem, fileSystemAt } from '../file-system.ts';
import { type Check, type Finding, ok, problem, warning } from '../finding.ts';
import { nearestFolder } from '../nearest-folder.ts';
import type { SpacePrediction } from '../predict-space.ts';

export interface SpaceFolders {
  readonly output: string;
  readonly cache: string;
  /** Where the medium's system is put together. */
  readonly temporary: string;
}

export interface SpaceOptions {
  readonly folders: SpaceFolders;
  readonly prediction: SpacePrediction;
}

export function space({ folders, prediction }: SpaceOptions): Check {
  const needs: readonly Need[] = [
    { what: 'output', path: folders.output, bytes: prediction.outputBytes, files: 100 },
    { what: 'cache', path: folders.cache, bytes: prediction.cacheBytes, files: 100 },
    {
      what: 'temporary files',
      path: folders.temporary,
      bytes: prediction.temporaryBytes,
      // The medium's system, unpacked.
      files: prediction.temporaryBytes > 0 ? 15_000 : 10,
    },
  ];
  return {
    name: 'disk space',
    ifItHangs: 'problem',
    look: async () => (await byFileSystem(needs)).map(judge),
  };
}

interface Need {
  readonly what: string;
  readonly path: string;
  readonly bytes: number;
  /** Also counted: a file system can run out of them before it is full. */
  readonly files: number;
}

interface Place {
  readonly fileSystem: FileSystem;
  readonly needs: readonly Need[];
  /** Of the folders, those that are there. */
  readonly folders: readonly string[];
}

/** Folders on one file system share its room. Those that cannot be made are another check's. */
async function byFileSystem(needs: readonly Need[]): Promise<readonly Place[]> {
  const places = new Map<number, { fileSystem: FileSystem; needs: Need[]; folders: string[] }>();
  for (const need of needs) {
    const found = await nearestFolder(need.path);
    if ('blockedBy' in found) continue;
    const fileSystem = await fileSystemAt(found.folder);
    const place = places.get(fileSystem.device) ?? { fileSystem, needs: [], folders: [] };
    place.needs.push(need);
    place.folders.push(found.folder);
    places.set(fileSystem.device, place);
  }
  return [...places.values()];
}

/** A prediction may be wrong by some; below this part of it a build is not even begun. */
const CERTAIN_PART = 0.8;

function judge({ fileSystem, needs, folders }: Place): Finding {
  const { freeBytes, freeFiles, name } = fileSystem;
  const bytes = needs.reduce((sum, need) => sum + need.bytes, 0);
  const files = needs.reduce((sum, need) => sum + need.files, 0);
  const where = needs.map(({ what, path }) => `${what} ${path}`).join(', ');
  const free = `${formatSize(freeBytes)} free for ${where} (${name})`;
  const cure = {
    advice:
      'Free some space, or choose other folders: --output, --cache, and TMPDIR in the environment.',
    commands: [`du -xh --max-depth=2 ${[...new Set(folders)].join(' ')} | sort -h | tail`],
  };
  if (freeFiles !== undefined && freeFiles < files)
    return problem(
      `no more than ${counted(freeFiles, 'file')} can be made in ${where} (${name}), whatever their size`,
      cure,
    );
  if (freeBytes >= bytes) return ok(`${free}; a build takes about ${formatSize(bytes)}`);
  const finding = `only ${free}, and a build takes about ${formatSize(bytes)}`;
  return freeBytes < bytes * CERTAIN_PART ? problem(finding, cure) : warning(finding, cure);
}
