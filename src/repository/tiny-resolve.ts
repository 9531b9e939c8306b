/** For tests: an archive with a server, and what it takes to resolve manifests against it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Payload } from '../manifest/payload.ts';
import type { Finding } from '../manifest/read.ts';
import { type Manifest, manifestSchema } from '../manifest/schema.ts';
import { PvmcError } from '../system/error.ts';
import { type Progress, quietProgress } from '../system/progress.ts';
import { type Resolution, type ResolutionOutcome, resolvePackages } from './resolve.ts';
import {
  type TinyKey,
  type TinyPackage,
  TinyRepository,
  type TinySuite,
} from './tiny-repository.ts';

export interface Wish {
  readonly packages?: readonly string[];
  readonly recommends?: boolean;
  readonly repository?: Readonly<Record<string, unknown>>;
  readonly services?: Manifest['services'];
  readonly disk?: string;
  readonly extraPackages?: readonly string[];
  readonly payload?: Partial<Payload>;
  readonly archiveKeyring?: string;
  /** Below the bench's folder. */
  readonly cache?: string;
}

export class Bench {
  readonly repository: TinyRepository;
  readonly folder: string;
  /** The archive that the tests use at the moment; a new number is an archive of its own. */
  archive = '0';

  private constructor(repository: TinyRepository, folder: string) {
    this.repository = repository;
    this.folder = folder;
  }

  static async make(): Promise<Bench> {
    const folder = await mkdtemp(join(tmpdir(), 'pvmc-resolve-'));
    return new Bench(await TinyRepository.start(), folder);
  }

  async clear(): Promise<void> {
    await this.repository.stop();
    await rm(this.folder, { recursive: true, force: true });
  }

  nextArchive(): void {
    this.repository.intercept = () => false;
    this.archive = String(Number(this.archive) + 1);
  }

  get url(): string {
    return this.repository.url(this.archive);
  }

  publish(
    packages: readonly TinyPackage[],
    suite: Partial<TinySuite> = {},
    key: TinyKey = this.repository.key,
  ): Promise<void> {
    const whole = { archive: this.archive, suite: 'trixie', packages, ...suite };
    return this.repository.publish(whole, key);
  }

  /** A file below the suite's folder. */
  distFile(path: string): string {
    return join(this.repository.folder, this.archive, 'dists/trixie', path);
  }

  resolve(wish: Wish = {}, progress: Progress = quietProgress()): Promise<ResolutionOutcome> {
    const { files = [], scripts = [], keys = [] } = wish.payload ?? {};
    const request = {
      manifest: this.#manifest(wish),
      payload: { files, scripts, keys },
      extraPackages: wish.extraPackages ?? [],
      cacheFolder: join(this.folder, wish.cache ?? 'cache'),
      archiveKeyring: wish.archiveKeyring ?? this.repository.key.publicKey,
      timeoutSeconds: 1,
    };
    return resolvePackages(request, progress);
  }

  async resolved(wish: Wish = {}): Promise<Resolution> {
    const outcome = await this.resolve(wish);
    if (outcome.kind !== 'resolved') throw new Error(JSON.stringify(outcome.problems));
    return outcome.resolution;
  }

  async problems(wish: Wish): Promise<readonly Finding[]> {
    const outcome = await this.resolve(wish);
    return outcome.kind === 'problems' ? outcome.problems : [];
  }

  async failure(wish: Wish = {}): Promise<PvmcError> {
    const outcome = await this.resolve(wish).catch((thrown: unknown) => thrown);
    if (outcome instanceof PvmcError && outcome.kind === 'repository') return outcome;
    throw new Error('no failure of the repository', { cause: outcome });
  }

  #manifest(wish: Wish): Manifest {
    return manifestSchema.parse({
      name: 'test',
      version: '1',
      packages: wish.packages ?? [],
      recommends: wish.recommends ?? false,
      services: wish.services ?? {},
      machine: { disk: wish.disk ?? '8 GiB' },
      repository: { mirror: this.url, security: false, updates: false, ...wish.repository },
    });
  }
}
