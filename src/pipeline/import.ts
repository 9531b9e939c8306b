/**
 * `pvmc import`: an appliance becomes a machine of the user's own. The file is judged before the hypervisor
 * sees it; from then on the machine is the hypervisor's and the user's, and no build of ours.
 */
import { basename, resolve } from 'node:path';
import { refuse } from '../appliance/broken.ts';
import {
  checkDescriptor,
  checkDigests,
  extractDisk,
  type MachineFacts,
  openOva,
} from '../appliance/read-ova.ts';
import { checkSignature, signatureWords } from '../appliance/signature/check-signature.ts';
import type {
  ClaimedPlace,
  Importer,
  ImportSpecification,
  MachineCommands,
} from '../hypervisors/importer.ts';
import { claimPlace } from '../hypervisors/machine-place.ts';
import { type HypervisorName, hypervisorNamed } from '../hypervisors/registry.ts';
import { APPLIANCE_NAME } from '../manifest/formats/names.ts';
import { applianceNameOf } from '../manifest/template.ts';
import { PvmcError } from '../system/error.ts';
import { plainText } from '../system/plain-text.ts';
import { eventProgress } from './event-progress.ts';
import type { Emit, FileRequest } from './events.ts';
import { type Forward, hostPorts } from './import-ports.ts';
import {
  type AskedProperty,
  askedProperties,
  type GivenProperty,
  missingProperties,
  propertiesDisc,
  propertyValues,
} from './import-properties.ts';
import { slowLine } from './limits.ts';

export interface ImportOptions {
  readonly hypervisor: HypervisorName;
  /** The machine's; the appliance's own, with a number if it is taken, unless given. */
  readonly name?: string | undefined;
  /** Where the machine's own folder is made; the hypervisor's usual place unless given. */
  readonly folder?: string | undefined;
  readonly forwards: readonly Forward[];
  /** Values of the appliance's own properties, which it is told at its first boot. */
  readonly properties: readonly GivenProperty[];
  /** `rehearse`: everything is looked at and nothing is made. `start`: it is switched on, too. */
  readonly action: 'rehearse' | 'import' | 'start';
}

/** What came of it; of a rehearsal, what would. */
export interface Imported {
  readonly name: string;
  /** `VirtualBox 7.2.22` */
  readonly hypervisor: string;
  readonly folder: string;
  readonly product: string | undefined;
  readonly version: string | undefined;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly firmware: 'bios' | 'uefi';
  readonly diskBytes: number;
  /** Guest TCP port → host port on loopback. */
  readonly forwardPorts: Readonly<Record<number, number>>;
  /** In words; whether that is somebody to trust is for the user to say. */
  readonly signedBy: string | undefined;
  /** What the appliance asks its users for. */
  readonly properties: readonly AskedProperty[];
  readonly commands: MachineCommands;
}

export interface ImportedMachine {
  readonly facts: Imported;
  /** Switches it on; it goes on when pvmc ends. */
  readonly start: (emit: Emit, signal: AbortSignal) => Promise<void>;
}

/**
 * Makes the machine, whole, or nothing.
 * @throws PvmcError of the kind `input` for a file that is wrong; `machine-exists`, `import-name-invalid`,
 * `port-in-use`; whatever keeps the hypervisor from it.
 */
export async function importAppliance(
  request: FileRequest<ImportOptions>,
): Promise<ImportedMachine> {
  const { path, options, emit, signal } = request;
  const progress = eventProgress(emit, signal);
  checkName(options.name);
  await using ova = await openOva(path);
  const hypervisor = hypervisorNamed(options.hypervisor);
  const version = await hypervisor.version();
  const importer = await hypervisor.importer();
  if (options.action === 'start') {
    // A computer that cannot start it says so before anything is made.
    const { acceleration } = await hypervisor.capabilities();
    if (!acceleration.available) emit({ type: 'notice', line: slowLine(acceleration) });
  }
  progress.log('comparing the digests');
  await checkDigests(ova, progress);
  const signature = await checkSignature(ova.members, refuse);
  for (const { message: line } of signature?.concerns ?? []) emit({ type: 'notice', line });
  const machine = await checkDescriptor(ova);
  const disc = discFor(machine, options, emit);
  const { name, folder, claimed } = await findPlace(importer, machine, { path, options });
  try {
    const network = machine.hasNetwork ? 'nat' : 'none';
    const specification: ImportSpecification = {
      name,
      folder,
      ovaPath: resolve(path),
      memoryBytes: machine.memoryBytes,
      cpus: machine.cpus,
      firmware: machine.firmware,
      network,
      forwardPorts: network === 'nat' ? await hostPorts(options.forwards) : {},
      unpackDisk: (target) => {
        progress.log('unpacking the disk');
        return extractDisk(ova, { disk: machine.disk, path: target, progress });
      },
      disc,
    };
    if (claimed) await importer.import(specification, claimed, progress);
    else await importer.rehearse(specification, progress);
    return {
      facts: factsOf(machine, specification, {
        version,
        signedBy: signature && signatureWords(signature),
        properties: askedProperties(machine.properties, options.properties),
        commands: importer.commands(specification),
      }),
      start: (emitLater, later) => importer.start(specification, eventProgress(emitLater, later)),
    };
  } catch (thrown) {
    await claimed?.release();
    throw thrown;
  }
}

/** Undefined when nothing was given: then the machine is as its appliance came, and asks nobody. */
function discFor(
  { name, properties }: MachineFacts,
  options: ImportOptions,
  emit: Emit,
): Buffer | undefined {
  const values = propertyValues(properties, options.properties);
  const missing = missingProperties(properties, values);
  if (missing.length > 0) {
    const line = `the appliance needs ${missing.join(', ')}: give it with --property ${missing[0]}=VALUE`;
    emit({ type: 'notice', line });
  }
  return options.properties.length === 0 ? undefined : propertiesDisc(name, values);
}

function factsOf(
  machine: MachineFacts,
  { name, folder, forwardPorts }: ImportSpecification,
  {
    version,
    ...told
  }: Pick<Imported, 'signedBy' | 'properties' | 'commands'> & {
    readonly version: string;
  },
): Imported {
  const { product, memoryBytes, cpus, firmware, disk } = machine;
  return {
    name,
    hypervisor: version,
    folder,
    product,
    version: machine.version,
    memoryBytes,
    cpus,
    firmware,
    diskBytes: disk.capacityBytes,
    forwardPorts,
    ...told,
  };
}

interface FoundPlace {
  readonly name: string;
  readonly folder: string;
  /** None for a rehearsal. */
  readonly claimed: ClaimedPlace | undefined;
}

/**
 * The appliance's own name, or the first with a number that is free; a name that was given, or none. Of two
 * imports at the same time only one gets it.
 */
async function findPlace(
  importer: Importer,
  machine: MachineFacts,
  { path, options }: { readonly path: string; readonly options: ImportOptions },
): Promise<FoundPlace> {
  const wanted = options.name ?? applianceNameOf(machine.name || basename(path, '.ova'));
  const last = options.name === undefined ? MOST_OF_A_NAME : 1;
  let firstTakenBy = '';
  for (let number = 1; number <= last; number += 1) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    const { folder, takenBy } = await importer.place(name, options.folder);
    if (takenBy === undefined) {
      if (options.action === 'rehearse') return { name, folder, claimed: undefined };
      const claimed = await claimPlace(folder);
      if (claimed) return { name, folder, claimed };
    }
    if (number === 1) firstTakenBy = takenBy ?? `another import is making ${folder}`;
  }
  throw taken(firstTakenBy);
}

/** Nobody has as many by intention. */
const MOST_OF_A_NAME = 99;

function taken(takenBy: string): PvmcError {
  return new PvmcError({
    kind: 'host',
    code: 'machine-exists',
    message: `${takenBy}, which is not touched`,
    hint: 'Give the machine another name: --name NAME.',
  });
}

/** The name becomes a folder's, and is read by shells and by programs that take options. */
function checkName(name: string | undefined): void {
  if (name === undefined || APPLIANCE_NAME.test(name)) return;
  throw new PvmcError({
    kind: 'usage',
    code: 'import-name-invalid',
    message: `"${plainText(name)}" is not a name for a machine`,
    hint: 'Use 1 to 63 lower-case letters, digits and dashes, with no dash at either end.',
  });
}
