/** What a descriptor says of its machine, as far as one disk has to be booted from it. */
import type { XmlDocument, XmlNode } from 'libxml2-wasm';
import { broken, quoted } from '../broken.ts';
import { NAMESPACES } from './namespaces.ts';

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
export function machineFacts(document: XmlDocument): MachineFacts {
  const systems = document.find('/ovf:Envelope//ovf:VirtualSystem', NAMESPACES);
  const [system] = systems;
  if (!system || systems.length > 1) {
    throw unusable(`describes ${systems.length} machines instead of one`);
  }
  return {
    name: textOf(system, 'ovf:Name') ?? textOf(system, '@ovf:id') ?? '',
    product: textOf(system, 'ovf:ProductSection/ovf:Product'),
    version: textOf(system, 'ovf:ProductSection/ovf:Version'),
    memoryBytes: memory(system),
    cpus: quantity(system, { type: PROCESSOR, what: 'processors', most: MOST_CPUS }),
    firmware: isEfi(system) ? 'uefi' : 'bios',
    hasNetwork: system.get(item(ETHERNET), NAMESPACES) !== null,
    disk: disk(document, system),
  };
}

/** The files that the package should have beside the descriptor. */
export function referencedFiles(document: XmlDocument): readonly ReferencedFile[] {
  return document.find('/ovf:Envelope/ovf:References/ovf:File', NAMESPACES).map((file) => {
    const compression = textOf(file, '@ovf:compression') ?? 'identity';
    if (compression !== 'identity' || textOf(file, '@ovf:chunkSize') !== undefined) {
      throw unusable('has files that are compressed or cut into pieces, which few importers read');
    }
    const size = textOf(file, '@ovf:size');
    return {
      name: textOf(file, '@ovf:href') ?? '',
      sizeBytes: size === undefined ? undefined : wholeNumber(size),
    };
  });
}

function memory(system: XmlNode): number {
  const unit = textOf(system, `${item(MEMORY)}/rasd:AllocationUnits`) ?? 'byte * 2^20';
  const each = unitBytes(unit);
  if (each === undefined) throw unusable(`counts memory in ${quoted(unit)}`);
  const most = MOST_MEMORY_BYTES / each;
  return quantity(system, { type: MEMORY, what: 'units of memory', most }) * each;
}

function quantity(
  system: XmlNode,
  { type, what, most }: { readonly type: number; readonly what: string; readonly most: number },
): number {
  const text = textOf(system, `${item(type)}/rasd:VirtualQuantity`) ?? '';
  const value = wholeNumber(text);
  if (value !== undefined && value > 0 && value <= most) return value;
  throw unusable(text === '' ? `does not tell the ${what}` : `wants ${quoted(text)} ${what}`);
}

function isEfi(system: XmlNode): boolean {
  const config = `ovf:VirtualHardwareSection/vmw:Config[@vmw:key='firmware']/@vmw:value`;
  // VirtualBox's own element stands in whatever namespace its prefix or the default one has.
  const own = `vbox:Machine//*[local-name()='Firmware']/@type`;
  return [config, own].some((path) => /^efi/i.test(textOf(system, path) ?? ''));
}

function disk(document: XmlDocument, system: XmlNode): DiskFacts {
  const items = system.find(item(DISK), NAMESPACES);
  const [first] = items;
  if (!first || items.length > 1) throw unusable(`has ${items.length} disks instead of one`);
  const resource = textOf(first, 'rasd:HostResource') ?? '';
  const id = /^(?:ovf:)?\/disk\/(.+)$/.exec(resource)?.[1];
  const section = document.find('/ovf:Envelope/ovf:DiskSection/ovf:Disk', NAMESPACES);
  const entry = section.find((one) => textOf(one, '@ovf:diskId') === id);
  if (id === undefined || !entry) throw unusable(`has no disk ${quoted(resource)}`);
  const format = textOf(entry, '@ovf:format') ?? '';
  if (!format.endsWith('#streamOptimized')) {
    throw unusable(
      `has a disk of the format ${quoted(format)}; importers take streamOptimized VMDK`,
    );
  }
  const fileId = textOf(entry, '@ovf:fileRef');
  const files = document.find('/ovf:Envelope/ovf:References/ovf:File', NAMESPACES);
  const file = files.find((one) => textOf(one, '@ovf:id') === fileId);
  const fileName = file && textOf(file, '@ovf:href');
  if (fileId === undefined || fileName === undefined) throw unusable('has a disk without a file');
  return { fileName, capacityBytes: capacity(entry) };
}

function capacity(entry: XmlNode): number {
  const text = textOf(entry, '@ovf:capacity') ?? '';
  const unit = unitBytes(textOf(entry, '@ovf:capacityAllocationUnits') ?? 'byte');
  const bytes = (wholeNumber(text) ?? 0) * (unit ?? 0);
  if (bytes > 0 && bytes <= MOST_CAPACITY_BYTES) return bytes;
  throw unusable(`has a disk of the size ${quoted(text)}`);
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

function item(type: number): string {
  return `${HARDWARE}[normalize-space(rasd:ResourceType)='${type}']`;
}

function textOf(node: XmlNode, path: string): string | undefined {
  const content = node.get(path, NAMESPACES)?.content.trim();
  return content === '' ? undefined : content;
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function unusable(what: string) {
  return broken({ code: 'ovf-unusable', message: `the descriptor (.ovf) ${what}` });
}
