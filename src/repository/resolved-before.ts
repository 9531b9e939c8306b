/**
 * What was resolved before from the same indexes: most builds ask for the packages of the build before,
 * and apt needs seconds to find the same answer. Kept by the digest of the signed Release files, which
 * name every index by its hash, and by the question; used while apt's folder is locked.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ResolvedPackage } from '../manifest/installation-manifest.ts';
import type { AptFolder } from './apt.ts';

/** Changes when the same indexes and the same question would be answered otherwise. */
const RECIPE = 1;

/** Packages that were written down. */
export const resolvedPackagesSchema = z.array(
  z.strictObject({
    name: z.string(),
    version: z.string(),
    architecture: z.string(),
    url: z.string(),
    sizeBytes: z.number(),
    sha256: z.string(),
    installedBytes: z.number(),
    batch: z.number(),
  }),
) satisfies z.ZodType<ResolvedPackage[]>;

export class ResolvedBefore {
  readonly #parent: string;
  readonly #indexes: string;
  readonly #path: string;

  private constructor(parent: string, indexes: string, question: string) {
    this.#parent = parent;
    this.#indexes = indexes;
    this.#path = join(parent, indexes, `${question}.json`);
  }

  /** `question` is everything beside the indexes that the answer depends on. */
  static async of(apt: AptFolder, question: unknown): Promise<ResolvedBefore> {
    const parent = join(apt.folder, 'resolved');
    const asked = digestOf(JSON.stringify([RECIPE, question]));
    return new ResolvedBefore(parent, await indexesDigest(apt), asked);
  }

  /** The answer, if there is a whole one. */
  async read(): Promise<readonly ResolvedPackage[] | undefined> {
    try {
      return resolvedPackagesSchema.parse(JSON.parse(await readFile(this.#path, 'utf8')));
    } catch {
      return undefined;
    }
  }

  /**
   * Keeps the answer, and those of older indexes no longer. Returns it as it will be read: a medium holds
   * it as JSON, whose bits depend on the order of the fields.
   */
  async keep(packages: readonly ResolvedPackage[]): Promise<readonly ResolvedPackage[]> {
    const answer = resolvedPackagesSchema.parse(packages);
    await mkdir(join(this.#parent, this.#indexes), { recursive: true });
    for (const name of await readdir(this.#parent)) {
      if (name !== this.#indexes) await rm(join(this.#parent, name), { recursive: true });
    }
    await writeFile(`${this.#path}.new`, JSON.stringify(answer));
    await rename(`${this.#path}.new`, this.#path);
    return answer;
  }
}

async function indexesDigest({ folder }: AptFolder): Promise<string> {
  const lists = join(folder, 'lists');
  const names = (await readdir(lists)).filter((name) => /(?:In)?Release(?:\.gpg)?$/.test(name));
  const contents = await Promise.all(names.sort().map((name) => readFile(join(lists, name))));
  return digestOf(...contents.flatMap((content, index) => [names[index] ?? '', content]));
}

function digestOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 32);
}
