/** The packages that dpkg has installed, as its own database in the appliance tells. */
import { diskBroken } from './byte-source.ts';
import type { FileEntry, FileSystem } from './file-system.ts';

export interface InstalledPackage {
  /** With the architecture where a name has several: `libc6:i386`. */
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** What it says itself that it takes. */
  readonly saysBytes: number;
}

const STATUS = '/var/lib/dpkg/status';
const LISTS = '/var/lib/dpkg/info/';
/** Ten thousand packages with long descriptions. */
const LARGEST_DATABASE_BYTES = 2 ** 26;

/** All lists together: ten times those of a desktop with everything. */
const LARGEST_LISTS_BYTES = 2 ** 29;

/** A tree of files in memory, by path. */
export interface FileTree {
  readonly system: FileSystem;
  readonly entries: ReadonlyMap<string, FileEntry>;
}

export async function readTree(system: FileSystem, signal: AbortSignal): Promise<FileTree> {
  const entries = new Map<string, FileEntry>();
  for await (const entry of system.entries(signal)) entries.set(entry.path, entry);
  return { system, entries };
}

/** By name; empty where no dpkg is at home. @throws PvmcError `disk-invalid` */
export async function installedPackages(
  tree: FileTree,
): Promise<ReadonlyMap<string, InstalledPackage>> {
  const text = await textAt(tree, STATUS);
  const all = text.split(/\n{2,}/).flatMap((paragraph) => {
    const fields = fieldsOf(paragraph);
    const name = fields.get('Package');
    if (name === undefined || !(fields.get('Status') ?? '').endsWith(' installed')) return [];
    return [
      {
        name,
        version: fields.get('Version') ?? '',
        architecture: fields.get('Architecture') ?? '',
        saysBytes: (Number(fields.get('Installed-Size')) || 0) * 1024,
      },
    ];
  });
  const count = new Map<string, number>();
  for (const { name } of all) count.set(name, (count.get(name) ?? 0) + 1);
  const named = all.map((one) =>
    count.get(one.name) === 1 ? one : { ...one, name: `${one.name}:${one.architecture}` },
  );
  return new Map(named.map((one) => [one.name, one]));
}

/** Which package a path is of, by the lists of dpkg. @throws PvmcError `disk-invalid` */
export async function packageOfPaths(
  tree: FileTree,
  packages: ReadonlyMap<string, InstalledPackage>,
): Promise<ReadonlyMap<string, string>> {
  const owners = new Map<string, string>();
  let left = LARGEST_LISTS_BYTES;
  for (const { name, architecture } of packages.values()) {
    const bare = name.split(':')[0] ?? name;
    const places = [`${LISTS}${bare}.list`, `${LISTS}${bare}:${architecture}.list`];
    const listed = places.find((path) => tree.entries.has(path));
    if (listed === undefined) continue;
    const list = await textAt(tree, listed);
    left -= list.length;
    if (left < 0) throw diskBroken(STATUS, 'the lists of its packages have no end');
    for (const line of list.split('\n')) {
      const path = line.startsWith('/') ? unmoved(tree, line) : '';
      if (path.length > 1) owners.set(path, name);
    }
    // Its own lists and scripts.
    for (const kind of DATABASE_FILES) {
      owners.set(`${LISTS}${bare}.${kind}`, name);
      owners.set(`${LISTS}${bare}:${architecture}.${kind}`, name);
    }
  }
  return owners;
}

const DATABASE_FILES = [
  'list',
  'md5sums',
  'conffiles',
  'triggers',
  'shlibs',
  'symbols',
  'templates',
  'preinst',
  'postinst',
  'prerm',
  'postrm',
  'config',
];

/** Some packages still list /lib/x, where /lib is a link to usr/lib. */
function unmoved({ entries }: FileTree, path: string): string {
  const [, top = '', rest] = /^\/([^/]+)(\/.*)$/.exec(path) ?? [];
  const link = entries.get(`/${top}`);
  return link?.target === `usr/${top}` ? `/usr/${top}${rest}` : path;
}

function fieldsOf(paragraph: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of paragraph.split('\n')) {
    const [, name, value = ''] = /^([A-Za-z][\w-]*):[ \t]*(.*)$/.exec(line) ?? [];
    if (name !== undefined) fields.set(name, value);
  }
  return fields;
}

async function textAt({ system, entries }: FileTree, path: string): Promise<string> {
  const entry = entries.get(path);
  if (entry?.type !== 'file') return '';
  const content = await system.content(entry);
  const length = Math.min(content.sizeBytes, LARGEST_DATABASE_BYTES);
  return (await content.read(0, length)).toString('utf8');
}
