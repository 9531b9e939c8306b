/**
 * In which order packages can be unpacked. dpkg refuses to unpack a package whose pre-dependency is
 * not configured, so the packages form batches: all of one batch are unpacked and configured before
 * the next is begun. Batch 0 is the essential system, on which every maintainer script relies.
 */
import type { PackageRecord } from './records.ts';

/**
 * The batch of each package, by name.
 * @param records the packages to install, all of them, each once.
 */
export function batchesOf(records: readonly PackageRecord[]): ReadonlyMap<string, number> {
  const graph = new PackageGraph(records);
  const batches = new Map<string, number>();
  for (const name of graph.closure(records.filter(isBase).map(nameOf))) batches.set(name, 0);
  const rest = records.map(nameOf).filter((name) => !batches.has(name));
  for (const name of rest) batches.set(name, 1);
  // Each round moves packages behind what they need: to the same batch for a dependency, to a later
  // one for a pre-dependency. A cycle of pre-dependencies would never end; policy forbids them.
  for (let round = 0, moved = true; moved && round < records.length; round += 1) {
    moved = false;
    for (const name of rest) {
      const batchOf = (other: string) => batches.get(other) ?? 0;
      const together = [...graph.closure([name])].map(batchOf);
      const before = [...graph.closure(graph.preDepends(name))].map((other) => batchOf(other) + 1);
      const earliest = Math.max(...together, ...before);
      if (earliest > batchOf(name)) {
        batches.set(name, earliest);
        moved = true;
      }
    }
  }
  return batches;
}

class PackageGraph {
  readonly #records: ReadonlyMap<string, PackageRecord>;
  readonly #providers = new Map<string, string[]>();

  constructor(records: readonly PackageRecord[]) {
    this.#records = new Map(records.map((record) => [nameOf(record), record]));
    for (const record of records) {
      for (const name of [nameOf(record), ...namesIn(record.get('Provides'))]) {
        this.#providers.set(name, [...(this.#providers.get(name) ?? []), nameOf(record)]);
      }
    }
  }

  /** The installed packages that a package's pre-dependencies are met by. */
  preDepends(name: string): string[] {
    return this.#met(this.#records.get(name)?.get('Pre-Depends'));
  }

  /** The packages and everything that they depend on. */
  closure(names: readonly string[]): Set<string> {
    const reached = new Set<string>();
    const queue = [...names];
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      if (reached.has(name)) continue;
      reached.add(name);
      queue.push(...this.preDepends(name), ...this.#met(this.#records.get(name)?.get('Depends')));
    }
    return reached;
  }

  #met(field: string | undefined): string[] {
    return namesIn(field).flatMap((name) => this.#providers.get(name) ?? []);
  }
}

function nameOf(record: PackageRecord): string {
  return record.get('Package') ?? '';
}

function isBase(record: PackageRecord): boolean {
  return record.get('Essential') === 'yes' || record.get('Priority') === 'required';
}

/** The names in a relationship field, alternatives included: `a (>= 1) | b, c:any`. */
function namesIn(field: string | undefined): string[] {
  return (field ?? '').split(/[,|]/).flatMap((part) => /^\s*([^\s:(]+)/.exec(part)?.[1] ?? []);
}
