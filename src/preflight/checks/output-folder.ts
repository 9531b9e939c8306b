/**
 * The folder that a build writes to: whether we may write there, and whether its file system can what a
 * build relies on. All of it is tried, in a folder that is removed again, since names of file systems
 * tell little: a file server or a FUSE file system may be anything.
 */
import { link, mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, systemCodeOf } from '../../system/error.ts';
import { fileSystemAt } from '../file-system.ts';
import { type Check, type Finding, ok, problem, warning } from '../finding.ts';
import { nearestFolder } from '../nearest-folder.ts';
import { fileSizeLimit } from './limits.ts';

export interface OutputFolderOptions {
  readonly path: string;
  /** Of the machine's disk, which is one file. */
  readonly diskBytes: number;
}

export function outputFolder({ path, diskBytes }: OutputFolderOptions): Check {
  return {
    name: 'output folder',
    ifItHangs: 'problem',
    look: async () => {
      const parent = await nearestFolder(path);
      if ('blockedBy' in parent)
        return [
          problem(`${parent.blockedBy} is a file, where ${path} should be a folder`, OTHER_FOLDER),
        ];
      const tried = await tryOut(parent.folder, diskBytes);
      if ('refusal' in tried) return [await refused(parent.folder, tried.refusal)];
      return describe(path, tried);
    },
  };
}

const OTHER_FOLDER = { advice: 'Choose another folder with --output FOLDER.' };

export interface Traits {
  readonly name: string;
  /** Empty parts of a file take no room. */
  readonly holes: boolean;
  readonly hardLinks: boolean;
  /** A file of the machine's disk's size can be made; undefined when it could not be tried. */
  readonly largeFiles: boolean | undefined;
}

async function tryOut(
  parent: string,
  diskBytes: number,
): Promise<Traits | { readonly refusal: unknown }> {
  let folder: string | undefined;
  const mostBytes = await fileSizeLimit();
  try {
    folder = await mkdtemp(join(parent, '.pvmc-trial-'));
    const file = join(folder, 'file');
    const holes = await makesHoles(file);
    return {
      name: (await fileSystemAt(parent)).name,
      holes,
      hardLinks: await link(file, join(folder, 'link')).then(
        () => true,
        () => false,
      ),
      // Without holes, trying it would write all of it; a limit is told with the limits.
      largeFiles: holes && diskBytes <= mostBytes ? await canGrow(file, diskBytes) : undefined,
    };
  } catch (thrown) {
    return { refusal: thrown };
  } finally {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

/** No file system has blocks that large. */
const HOLE_BYTES = 2 ** 20;

async function makesHoles(path: string): Promise<boolean> {
  await using file = await open(path, 'w');
  await file.truncate(HOLE_BYTES);
  // The last byte, so that the file really is that long and mostly empty.
  await file.write('x', HOLE_BYTES - 1);
  await file.sync();
  const { blocks } = await file.stat();
  return blocks * 512 < HOLE_BYTES / 2;
}

async function canGrow(path: string, sizeBytes: number): Promise<boolean> {
  await using file = await open(path, 'r+');
  try {
    await file.truncate(sizeBytes);
    return true;
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'EFBIG') return false;
    throw thrown;
  }
}

async function refused(folder: string, thrown: unknown): Promise<Finding> {
  switch (systemCodeOf(thrown) ?? '') {
    case 'ENOSPC':
    case 'EDQUOT':
      return problem(
        `nothing more can be written to ${folder}: it is full, or your quota is used up`,
        {
          advice: `Free some space, or choose another folder with --output FOLDER.`,
        },
      );
    case 'EROFS':
      return problem(`${folder} is on a file system that is read-only`, OTHER_FOLDER);
    case 'EACCES':
    case 'EPERM':
      return problem(`${folder} is not writable for this user`, OTHER_FOLDER);
    default:
      return problem(`${folder} cannot be written to: ${messageOf(thrown)}`, OTHER_FOLDER);
  }
}

/** What the traits of a file system mean for a build. */
export function describe(path: string, traits: Traits): readonly Finding[] {
  const { name, holes, hardLinks, largeFiles } = traits;
  const findings: Finding[] = [];
  if (largeFiles === false)
    findings.push(
      problem(`${path} (${name}) cannot hold a file as large as the machine’s disk`, {
        advice: 'Choose another folder with --output FOLDER, or a smaller `machine.disk`.',
      }),
    );
  if (!holes)
    findings.push(
      warning(
        `${path} (${name}) keeps no holes in files: the machine’s disk takes all of its size there`,
        OTHER_FOLDER,
      ),
    );
  if (!hardLinks)
    findings.push(
      warning(
        `${path} (${name}) has no hard links: a build cannot share files with an earlier one`,
        OTHER_FOLDER,
      ),
    );
  return findings.length > 0 ? findings : [ok(`${path} is writable (${name})`)];
}
