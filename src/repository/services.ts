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
  const ranked = rank(search);
  const total = ranked.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  let done = 0;
  for (const batch of portionsOf(ranked)) {
    if (search.units.lacking(search.wishes).length === 0) return;
    await readBatch(apt, search, { batch, progress });
    done += batch.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    progress.amount({ done, total, unit: 'bytes' });
  }
}

/** Kernels and firmware are large and have no services. */
const WITHOUT_SERVICES = /^(?:linux-(?:image|headers|modules)|firmware)-/;

/** The likely packages first, of equally likely ones the small. */
function rank({ wishes, units, unread, manifest }: Search): ResolvedPackage[] {
  const stems = units.lacking(wishes).map(({ unit }) => unit.replace(/(?:@.*)?\.[^.]+$/, ''));
  const likelihood = ({ name }: ResolvedPackage) => {
    if (stems.includes(name)) return 0;
    if (manifest.packages.includes(name)) return 1;
    if (stems.some((stem) => name.includes(stem) || stem.startsWith(`${name}-`))) return 2;
    return /^lib|-doc$/.test(name) ? 4 : 3;
  };
  return unread
    .filter(({ name }) => !WITHOUT_SERVICES.test(name))
    .sort((a, b) => likelihood(a) - likelihood(b) || a.sizeBytes - b.sizeBytes);
}

const FIRST_BATCH_BYTES = 2 ** 20;

/** Small batches first, since most services are found soon; then larger ones, to be done soon. */
function* portionsOf(packages: readonly ResolvedPackage[]): Generator<readonly ResolvedPackage[]> {
  let limit = FIRST_BATCH_BYTES;
  let batch: ResolvedPackage[] = [];
  let size = 0;
  for (const each of packages) {
    batch.push(each);
    size += each.sizeBytes;
    if (size < limit) continue;
    yield batch;
    batch = [];
    size = 0;
    limit *= 2;
  }
  if (batch.length > 0) yield batch;
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
          hint: `write ${found.of}`,
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
