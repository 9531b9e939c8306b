import type { PackageFile } from '../appliance/ova/members.ts';
import type { Descriptor } from '../appliance/ovf/schema.ts';

/** What the rules of the descriptor look at. */
export interface DescriptorSubject {
  readonly descriptor: Descriptor;
  /** All files of the package, the descriptor among them. */
  readonly files: readonly PackageFile[];
}
