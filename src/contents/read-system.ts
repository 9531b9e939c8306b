/** What is on an appliance's disk: the files of all its partitions, and the packages that own them. */
import type { ApplianceContents, Volume } from './appliance-contents.ts';
import {
  type FileTree,
  type InstalledPackage,
  installedPackages,
  packageOfPaths,
  readTree,
} from './packages.ts';

/** The trees of an appliance's partitions, by number, and what is installed in one of them. */
export interface ReadSystem {
  readonly trees: ReadonlyMap<number, { readonly volume: Volume; readonly tree: FileTree }>;
  /** The partition that dpkg is on. */
  readonly own: number | undefined;
  readonly packages: ReadonlyMap<string, InstalledPackage>;
  readonly owners: ReadonlyMap<string, string>;
}

/** @throws PvmcError `disk-invalid`; the signal's reason */
export async function readSystem(
  contents: ApplianceContents,
  signal: AbortSignal,
): Promise<ReadSystem> {
  const trees = new Map<number, { volume: Volume; tree: FileTree }>();
  for (const volume of contents.disk.volumes) {
    const { partition, fileSystem } = volume;
    if (!fileSystem) continue;
    trees.set(partition?.number ?? 0, { volume, tree: await readTree(fileSystem, signal) });
  }
  for (const [own, { tree }] of trees) {
    const packages = await installedPackages(tree);
    if (packages.size === 0) continue;
    return { trees, own, packages, owners: await packageOfPaths(tree, packages) };
  }
  const own = [...trees].find(([, { volume }]) => volume.fileSystem?.kind === 'ext')?.[0];
  return { trees, own, packages: new Map(), owners: new Map() };
}
