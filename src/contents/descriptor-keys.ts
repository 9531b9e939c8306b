/** A descriptor as a flat list: every attribute and every text by its path, vendors' elements included. */
import type { XmlElement } from 'libxml2-wasm';
import { isDescriptor, type PackageFile } from '../appliance/ova/members.ts';
import { NAMESPACES } from '../appliance/ovf/namespaces.ts';
import { readDescriptor } from '../appliance/read-ova.ts';

/** The prefixes that everybody uses; `ovf` goes without saying. */
const PREFIXES = new Map<string, string>(
  Object.entries(NAMESPACES).map(([prefix, name]) => [name, prefix === 'ovf' ? '' : `${prefix}:`]),
);
/** What tells elements of one name apart, the first that they all have. */
const IDENTITIES = ['rasd:InstanceID', 'id', 'diskId', 'name', 'key', 'vmw:key'] as const;

/** Of these an appliance may have one today and two tomorrow. */
const LISTED = new Set(['File', 'Disk', 'Network', 'Item', 'Property', 'vmw:Config']);

/**
 * By path: `VirtualSystem/VirtualHardwareSection/Item[4]/rasd:Parent`, `…/File[file1]@href`. Empty without a
 * descriptor.
 * @throws PvmcError `ovf-invalid`
 */
export async function descriptorKeys(
  files: readonly PackageFile[],
): Promise<ReadonlyMap<string, string>> {
  const keys = new Map<string, string>();
  if (!files.some(({ name }) => isDescriptor(name))) return keys;
  const { XmlElement: Element } = await import('libxml2-wasm');
  using descriptor = await readDescriptor(files);

  const childrenOf = (element: XmlElement): XmlElement[] => {
    const children: XmlElement[] = [];
    for (let node = element.firstChild; node; node = node.next) {
      if (node instanceof Element) children.push(node);
    }
    return children;
  };

  const valueOf = (element: XmlElement, name: string): string | undefined =>
    element.attrs.find((one) => called(one) === name)?.value ??
    childrenOf(element)
      .find((one) => called(one) === name)
      ?.content.trim();

  const collect = (element: XmlElement, path: string): void => {
    for (const attribute of element.attrs)
      keys.set(`${path}@${called(attribute)}`, attribute.value);
    const children = childrenOf(element);
    if (children.length === 0 && element.content.trim() !== '') {
      keys.set(path, element.content.trim());
    }
    for (const name of new Set(children.map(called))) {
      const alike = children.filter((one) => called(one) === name);
      const identity = IDENTITIES.find((one) =>
        isIdentity(alike.map((each) => valueOf(each, one))),
      );
      for (const [index, child] of alike.entries()) {
        const which = identity === undefined ? String(index + 1) : valueOf(child, identity);
        const suffix = alike.length === 1 && !LISTED.has(name) ? '' : `[${which}]`;
        collect(child, `${path === '' ? '' : `${path}/`}${name}${suffix}`);
      }
    }
  };

  collect(descriptor.document.root, '');
  return keys;
}

function isIdentity(values: readonly (string | undefined)[]): boolean {
  return values.every((value) => value !== undefined) && new Set(values).size === values.length;
}

function called({ name, namespaceUri, prefix }: Named): string {
  const known = PREFIXES.get(namespaceUri);
  return `${known ?? (prefix === '' ? '' : `${prefix}:`)}${name}`;
}

interface Named {
  readonly name: string;
  readonly namespaceUri: string;
  readonly prefix: string;
}
