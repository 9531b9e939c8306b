/** What a descriptor says of its machine, as far as one disk has to be booted from it. */
import type { XmlNode } from 'libxml2-wasm';
import { broken, Fault, quoted, type Report } from '../broken.ts';
import { NAMESPACES } from './namespaces.ts';
import { placeOf } from './places.ts';
import { type PropertyFacts, propertyFacts } from './property-facts.ts';
import type { Descriptor } from './schema.ts';
import { textOf } from './text-of.ts';

/** What the descriptor says of the machine. */
export interface MachineFacts {
  /** The virtual system's name. */
  readonly name: string;
  readonly product: string | undefined;
  readonly version: string | undefined;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly firmware: 'bios' | 'uefi';
  readonly hasNetwork: boolean;
  readonly disk: DiskFacts;
  /** What it asks its users for. */
  readonly properties: readonly PropertyFacts[];
}

export interface DiskFacts {
  /** The member that holds it. */
  readonly fileName: string;
  /** What the machine sees. */
  readonly capacityBytes: number;
}

export interface ReferencedFile {
  readonly name: string;
  readonly sizeBytes: number | undefined;
  /** Its element. */
  readonly node: XmlNode;
}

const HARDWARE = 'ovf:VirtualHardwareSection/ovf:Item';
/** CIM's resource types. */
const PROCESSOR = 3;
const MEMORY = 4;
const ETHERNET = 10;
const DISK = 17;
const MOST_CPUS = 1024;
const MOST_MEMORY_BYTES = 2 ** 44;
/** What 32 bits count in sectors, which is what a VMDK's tables do. */
const MOST_CAPACITY_BYTES = 2 ** 41;

/**
 * Reads a document that still has its vendors' elements: VMware and VirtualBox say there whether it is EFI.
 * @throws PvmcError `ovf-unusable`
 */
export function machineFacts(descriptor: Descriptor): MachineFacts {
  const systems = virtualSystems(descriptor);
  const [system] = systems;
  if (!system || systems.length > 1) {
    throw broken(unusable(`describes ${systems.length} machines instead of one`));
  }
  return {
    name: textOf(system, 'ovf:Name') ?? textOf(system, '@ovf:id') ?? '',
    product: textOf(system, 'ovf:ProductSection/ovf:Product'),
    version: textOf(system, 'ovf:ProductSection/ovf:Version'),
    memoryBytes: memoryOf(descriptor, system),
    cpus: processorsOf(descriptor, system),
    firmware: isEfi(system) ? 'uefi' : 'bios',
    hasNetwork: system.get(item(ETHERNET), NAMESPACES) !== null,
    disk: onlyDisk(descriptor, system),
    properties: propertyFacts(system),
  };
}

/** The machines that a descriptor describes. */
export function virtualSystems({ document }: Descriptor): readonly XmlNode[] {
  return document.find('/ovf:Envelope//ovf:VirtualSystem', NAMESPACES);
}

/** The files that the package should have beside the descriptor. */
export function referencedFiles(descriptor: Descriptor, report: Report): readonly ReferencedFile[] {
  const path = '/ovf:Envelope/ovf:References/ovf:File';
  return descriptor.document.find(path, NAMESPACES).map((node) => {
    const compression = textOf(node, '@ovf:compression') ?? 'identity';
    if (compression !== 'identity' || textOf(node, '@ovf:chunkSize') !== undefined) {
      const what = 'has files that are compressed or cut into pieces, which few importers read';
      report(new Fault('file-compressed', placeOf(descriptor, node), unusable(what)));
    }
    const size = textOf(node, '@ovf:size');
    return {
      name: textOf(node, '@ovf:href') ?? '',
      sizeBytes: size === undefined ? undefined : wholeNumber(size),
      node,
    };
  });
}

/** @throws Fault */
export function memoryOf(descriptor: Descriptor, system: XmlNode): number {
  const unit = textOf(system, `${item(MEMORY)}/rasd:AllocationUnits`) ?? 'byte * 2^20';
  const each = unitBytes(unit);
  if (each === undefined) {
    const node = system.get(item(MEMORY), NAMESPACES) ?? system;
    const what = `counts memory in ${quoted(unit)}`;
    throw new Fault('memory', placeOf(descriptor, node), unusable(what));
  }
  const wanted = {
    type: MEMORY,
    fault: 'memory',
    what: 'units of memory',
    most: MOST_MEMORY_BYTES / each,
  } as const;
  return quantity(descriptor, system, wanted) * each;
}

/** @throws Fault */
export function processorsOf(descriptor: Descriptor, system: XmlNode): number {
  const wanted = {
    type: PROCESSOR,
    fault: 'processors',
    what: 'processors',
    most: MOST_CPUS,
  } as const;
  return quantity(descriptor, system, wanted);
}

interface WantedQuantity {
  readonly type: number;
  readonly fault: 'memory' | 'processors';
  readonly what: string;
  readonly most: number;
}

function quantity(
  descriptor: Descriptor,
  system: XmlNode,
  { type, fault, what, most }: WantedQuantity,
): number {
  const text = textOf(system, `${item(type)}/rasd:VirtualQuantity`) ?? '';
  const value = wholeNumber(text);
  if (value !== undefined && value > 0 && value <= most) return value;
  const node = system.get(item(type), NAMESPACES) ?? system;
  const told = text === '' ? `does not tell the ${what}` : `wants ${quoted(text)} ${what}`;
  throw new Fault(fault, placeOf(descriptor, node), unusable(told));
}

/** Whether VMware or VirtualBox would start it with EFI. */
export function isEfi(system: XmlNode): boolean {
  const config = `ovf:VirtualHardwareSection/vmw:Config[@vmw:key='firmware']/@vmw:value`;
  // VirtualBox's own element stands in whatever namespace its prefix or the default one has.
  const own = `vbox:Machine//*[local-name()='Firmware']/@type`;
  return [config, own].some((path) => /^efi/i.test(textOf(system, path) ?? ''));
}

function onlyDisk(descriptor: Descriptor, system: XmlNode): DiskFacts {
  const items = diskItems(system);
  const [first] = items;
  if (!first || items.length > 1) {
    throw broken(unusable(`has ${items.length} disks instead of one`));
  }
  return diskOf(descriptor, first);
}

/** The hardware of a machine that is a disk. */
export function diskItems(system: XmlNode): readonly XmlNode[] {
  return system.find(item(DISK), NAMESPACES);
}

/** The disk that such an item stands for. @throws Fault */
export function diskOf(descriptor: Descriptor, diskItem: XmlNode): DiskFacts {
  const { document } = descriptor;
  const resource = textOf(diskItem, 'rasd:HostResource') ?? '';
  const id = /^(?:ovf:)?\/disk\/(.+)$/.exec(resource)?.[1];
  const section = document.find('/ovf:Envelope/ovf:DiskSection/ovf:Disk', NAMESPACES);
  const entry = section.find((one) => textOf(one, '@ovf:diskId') === id);
  if (id === undefined || !entry) {
    const what = `has no disk ${quoted(resource)}`;
    throw new Fault('disk-reference', placeOf(descriptor, diskItem), unusable(what));
  }
  const place = placeOf(descriptor, entry);
  const format = textOf(entry, '@ovf:format') ?? '';
  if (!format.endsWith('#streamOptimized')) {
    const what = `has a disk of the format ${quoted(format)}; importers take streamOptimized VMDK`;
    throw new Fault('disk-format', place, unusable(what));
  }
  const fileId = textOf(entry, '@ovf:fileRef');
  const files = document.find('/ovf:Envelope/ovf:References/ovf:File', NAMESPACES);
  const file = files.find((one) => textOf(one, '@ovf:id') === fileId);
  const fileName = file && textOf(file, '@ovf:href');
  if (fileId === undefined || fileName === undefined) {
    throw new Fault('disk-reference', place, unusable('has a disk without a file'));
  }
  return { fileName, capacityBytes: capacity(descriptor, entry) };
}

function capacity(descriptor: Descriptor, entry: XmlNode): number {
  const text = textOf(entry, '@ovf:capacity') ?? '';
  const unit = unitBytes(textOf(entry, '@ovf:capacityAllocationUnits') ?? 'byte');
  const bytes = (wholeNumber(text) ?? 0) * (unit ?? 0);
  if (bytes > 0 && bytes <= MOST_CAPACITY_BYTES) return bytes;
  const what = `has a disk of the size ${quoted(text)}`;
  throw new Fault('disk-capacity', placeOf(descriptor, entry), unusable(what));
}

/** `byte * 2^20` as DSP0004 says it, or the older `MegaBytes`. */
function unitBytes(unit: string): number | undefined {
  const old = /^(kilo|mega|giga)bytes$/i.exec(unit)?.[1]?.toLowerCase();
  if (old !== undefined) return { kilo: 2 ** 10, mega: 2 ** 20, giga: 2 ** 30 }[old];
  const match = /^bytes?(?:\s*\*\s*(\d{1,12})(?:\s*\^\s*(\d{1,2}))?)?$/i.exec(unit.trim());
  if (!match) return undefined;
  const bytes = Number(match[1] ?? 1) ** Number(match[2] ?? 1);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined;
}

/** The path of a machine's hardware of one of CIM's resource types. */
function item(type: number): string {
  return `${HARDWARE}[normalize-space(rasd:ResourceType)='${type}']`;
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function unusable(what: string) {
  return { code: 'ovf-unusable', message: `the descriptor (.ovf) ${what}` };
}
