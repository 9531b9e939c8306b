/**
 * Whether the manifest's services are units of the resolved packages. The files of packages are looked
 * into in the order in which they are likely to have the missing ones, until all are found.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResolvedPackage } from '../manifest/installation-manifest.ts';
import type { Payload } from '../manifest/payload.ts';
import { quote } from '../manifest/quote.ts';
import type { Finding } from '../manifest/read.ts';
import type { Manifest } from '../manifest/schema.ts';
import { didYouMean } from '../manifest/suggest.ts';
import type { Progress } from '../system/progress.ts';
import { type AptFolder, downloadPackages } from './apt.ts';
import { knownUnits, rememberUnits, type Unit, unitsOf } from './units.ts';

export interface ServiceRequest {
  readonly manifest: Manifest;
  readonly payload: Payload;
  readonly packages: readonly ResolvedPackage[];
  readonly cacheFolder: string;
}

/** A service as the manifest names it, and the systemd unit that it means. */
interface Wish {
  readonly key: string;
  readonly unit: string;
  readonly state: 'on' | 'off';
}

/** Every service of the manifest that nothing in the appliance has, or that cannot be switched on. */
export async function serviceProblems(
  apt: AptFolder,
  request: ServiceRequest,
  progress: Progress,
): Promise<Finding[]> {
  const wishes = Object.entries(request.manifest.services).map(wishOf);
  const units = new UnitTable();
  for (const { path } of request.payload.files) units.addFile(path);
  if (units.lacking(wishes).length > 0) {
    const unread = await addKnown(units, request);
    await searchPackages(apt, { ...request, wishes, units, unread }, progress);
  }
  return wishes.flatMap((wish) => problemOf(wish, units));
}

const UNIT_TYPE = /\.(?:service|socket|timer|path|mount|automount|target|swap|slice)$/;

function wishOf([key, state]: [string, 'on' | 'off']): Wish {
  return { key, unit: UNIT_TYPE.test(key) ? key : `${key}.service`, state };
}

class UnitTable {
  readonly #units = new Map<string, Unit>();

  add(units: readonly Unit[]): void {
    for (const unit of units) {
      // A name may be a unit in one package and an alias or masked in another.
      if (this.#units.get(unit.name)?.kind !== 'unit') this.#units.set(unit.name, unit);
    }
  }

  /** A file of the manifest, which may be a unit. */
  addFile(path: string): void {
    const [, name] =
      /^(?:\/etc|(?:\/usr(?:\/local)?)?\/lib)\/systemd\/system\/([^/]+)$/.exec(path) ?? [];
    if (name !== undefined) this.add([{ name, kind: 'unit' }]);
    const [, script] = /^\/etc\/init\.d\/([^/]+)$/.exec(path) ?? [];
    if (script !== undefined) this.add([{ name: `${script}.service`, kind: 'unit' }]);
  }

  /** The unit itself, or the template that it is an instance of. */
  find(name: string): Unit | undefined {
    return this.#units.get(name) ?? this.#units.get(name.replace(/@.+(?=\.[^.]+$)/, '@'));
  }

  lacking(wishes: readonly Wish[]): readonly Wish[] {
    return wishes.filter(({ unit }) => !this.find(unit));
  }

  names(): string[] {
    return [...this.#units.keys()];
  }
}

/** Adds what is known of the packages already; those of which nothing is. */
async function addKnown(units: UnitTable, request: ServiceRequest): Promise<ResolvedPackage[]> {
  const unread: ResolvedPackage[] = [];
  for (const each of request.packages) {
    const known = await knownUnits(request.cacheFolder, each.sha256);
    if (known) units.add(known);
    else unread.push(each);
  }
  return unread;
}

interface Search extends ServiceRequest {
  readonly wishes: readonly Wish[];
  readonly units: UnitTable;
  readonly unread: readonly ResolvedPackage[];
}

async function searchPackages(apt: AptFolder, search: Search, progress: Progress): Promise<void> {
  const unread = new Set(search.unread.filter(({ name }) => !WITHOUT_SERVICES.test(name)));
  const total = bytesOf([...unread]);
  for (let limit = FIRST_BATCH_BYTES; unread.size > 0; limit *= 2) {
    if (search.units.lacking(search.wishes).length === 0) return;
    const batch = likeliest(search, unread, limit);
    await readBatch(apt, search, { batch, progress });
    for (const each of batch) unread.delete(each);
    progress.amount({ done: total - bytesOf([...unread]), total, unit: 'bytes' });
  }
}

/** Kernels and firmware are large and have no services. */
const WITHOUT_SERVICES = /^(?:linux-(?:image|headers|modules)|firmware)-/;

/** Most services are found soon, in small packages; the rest should not take many rounds. */
const FIRST_BATCH_BYTES = 2 ** 20;

function bytesOf(packages: readonly ResolvedPackage[]): number {
  return packages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** Equally likely packages, the small ones first, until they reach the limit. */
function likeliest(
  { wishes, units, manifest }: Search,
  unread: ReadonlySet<ResolvedPackage>,
  limitBytes: number,
): ResolvedPackage[] {
  const stems = units.lacking(wishes).map(({ unit }) => unit.replace(/(?:@.*)?\.[^.]+$/, ''));
  const rank = ({ name }: ResolvedPackage) => {
    if (stems.includes(name)) return 0;
    if (stems.some((stem) => name.includes(stem) || stem.startsWith(`${name}-`))) return 1;
    // systemd has more units than all the others.
    if (manifest.packages.includes(name) || name === 'systemd') return 2;
    return /^lib|-doc$/.test(name) ? 4 : 3;
  };
  const best = Math.min(...[...unread].map(rank));
  const likely = [...unread].filter((each) => rank(each) === best);
  const batch: ResolvedPackage[] = [];
  for (const each of likely.sort((a, b) => a.sizeBytes - b.sizeBytes)) {
    if (bytesOf(batch) >= limitBytes) break;
    batch.push(each);
  }
  return batch;
}

async function readBatch(
  apt: AptFolder,
  { units, cacheFolder }: Search,
  { batch, progress }: { readonly batch: readonly ResolvedPackage[]; readonly progress: Progress },
): Promise<void> {
  const folder = await mkdtemp(join(apt.folder, 'download-'));
  try {
    const packages = batch.map(({ name, version }) => `${name}=${version}`);
    await downloadPackages(apt, { packages, into: folder }, progress);
    const files = await readdir(folder);
    for (const { name, sha256 } of batch) {
      const file = files.find((each) => each.startsWith(`${name}_`));
      if (file === undefined) throw new Error(`apt-get download left no file of ${name}`);
      const found = await unitsOf(join(folder, file), progress);
      units.add(found);
      await rememberUnits(cacheFolder, sha256, found);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function problemOf({ key, unit, state }: Wish, units: UnitTable): Finding[] {
  const found = units.find(unit);
  const at = { path: ['services', key], place: 'key' } as const;
  if (!found) {
    const candidates = units
      .names()
      .map((name) => (key === unit ? name : name.replace(/\.service$/, '')));
    return [
      {
        ...at,
        message: `no package of the appliance has the service ${quote(key)}`,
        hint:
          didYouMean(key, candidates) ??
          'add the package that has it, or put its unit into /etc/systemd/system with `files`',
      },
    ];
  }
  // systemd takes away the names of a unit that is off, but gives none to one that is on.
  if (state === 'off' || found.kind === 'unit') return [];
  return found.kind === 'alias'
    ? [
        {
          ...at,
          message: `${quote(key)} is another name of ${found.of}`,
          hint: `write ${found.of.replace(/\.service$/, '')}`,
        },
      ]
    : [
        {
          ...at,
          message: `${quote(key)} is masked by its package and cannot be on`,
          hint: 'take it out; what it did is done by something else',
        },
      ];
}
