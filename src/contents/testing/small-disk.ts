/** Small disks with real file systems, made without root by sfdisk, mke2fs and mtools, for the tests. */
import { mkdir, open, readFile, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from '../../system/run.ts';

const MIB = 2 ** 20;
export const ESP_START = MIB;
const ESP_MIB = 4;
export const ROOT_START = ESP_START + ESP_MIB * MIB;
const ROOT_MIB = 16;

/** Content by path, relative; links as `-> target`, folders with a slash at the end. */
export type Tree = Readonly<Record<string, string | Buffer>>;

export interface DiskRecipe {
  /** An empty folder to work in. */
  readonly folder: string;
  readonly root: Tree;
  readonly esp?: Tree;
  /** For mke2fs besides. */
  readonly options?: readonly string[];
  readonly type?: 'ext2' | 'ext3' | 'ext4';
  /** Commands for debugfs, after the tree is there. */
  readonly edits?: readonly string[];
  readonly diskGuid?: string;
}

/** Returns the path of the raw disk. */
export async function makeSmallDisk(recipe: DiskRecipe): Promise<string> {
  const { folder, esp = {}, diskGuid = '11111111-1111-8111-8111-111111111111' } = recipe;
  const path = join(folder, 'disk.raw');
  await writeFile(path, '');
  await truncate(path, ROOT_START + (ROOT_MIB + 1) * MIB);
  const input = [
    'label: gpt',
    `label-id: ${diskGuid}`,
    `start=2048, size=${ESP_MIB * 2048}, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=33333333-3333-8333-8333-333333333333, name="esp"`,
    `size=${ROOT_MIB * 2048}, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, uuid=44444444-4444-8444-8444-444444444444, name="root"`,
    '',
  ].join('\n');
  await run(['sfdisk', '--quiet', path], { input });
  await place(await makeEsp(join(folder, 'esp.img'), join(folder, 'esp'), esp), path, ESP_START);
  await place(await makeRoot(recipe), path, ROOT_START);
  return path;
}

/** Returns the path of an ext4 file system with that tree. */
export async function makeRoot(recipe: DiskRecipe): Promise<string> {
  const { folder, root, type = 'ext4', options = [], edits = [] } = recipe;
  const image = join(folder, 'root.img');
  const tree = await writeTree(join(folder, 'root'), root);
  const names = ['-L', 'root', '-U', '55555555-5555-8555-8555-555555555555'];
  const seed = '-Ehash_seed=66666666-6666-8666-8666-666666666666,root_owner=0:0';
  const made = ['mke2fs', '-q', '-F', '-t', type, ...names, seed, ...options];
  await run([...made, '-d', tree, image, `${ROOT_MIB}m`]);
  const script = join(folder, 'edits');
  await writeFile(script, `${edits.join('\n')}\n`);
  if (edits.length > 0) await run(['debugfs', '-w', '-f', script, image]);
  return image;
}

async function makeEsp(image: string, folder: string, esp: Tree): Promise<string> {
  await writeFile(image, '');
  await truncate(image, ESP_MIB * MIB);
  await run(['mkfs.fat', '-i', '12345678', '-n', 'ESP', image]);
  await writeTree(folder, esp);
  const tops = new Set(Object.keys(esp).map((name) => name.split('/')[0] ?? ''));
  for (const name of tops) await run(['mcopy', '-s', '-m', '-i', image, join(folder, name), '::']);
  return image;
}

async function writeTree(folder: string, tree: Tree): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(tree)) {
    const path = join(folder, name);
    await mkdir(name.endsWith('/') ? path : dirname(path), { recursive: true });
    if (name.endsWith('/')) continue;
    if (typeof content === 'string' && content.startsWith('-> ')) {
      await symlink(content.slice(3), path);
    } else await writeFile(path, content);
  }
  return folder;
}

/** Writes a file into a place of another one, with holes where it is empty. */
export async function place(from: string, to: string, start: number): Promise<void> {
  const bytes = await readFile(from);
  const file = await open(to, 'r+');
  try {
    for (let at = 0; at < bytes.length; at += 4096) {
      const block = bytes.subarray(at, at + 4096);
      if (block.some((byte) => byte !== 0)) await file.write(block, 0, block.length, start + at);
    }
  } finally {
    await file.close();
  }
}
