/** What takes the space on an appliance's disk, in lines. */
import type { SpaceUse, Taker } from '../../contents/space.ts';
import { formatSize } from '../../system/size.ts';
import { printable } from '../text.ts';

/** More do not matter, and would push the rest off the screen. */
const MOST_LINES = 8;

export function spaceLines({ usedBytes, packages, unownedBytes, folders }: SpaceUse): string[] {
  const list = (takers: readonly Taker[]) =>
    takers
      .slice(0, MOST_LINES)
      .map(({ name, bytes }) => `    ${formatSize(bytes).padStart(8)}  ${printable(name)}`);
  const unowned = unownedBytes === 0 ? '' : `; ${formatSize(unownedBytes)} of no package`;
  return [
    `  files of ${formatSize(usedBytes)}${unowned}`,
    ...(packages.length === 0 ? [] : ['  largest packages', ...list(packages)]),
    ...(folders.length === 0 ? [] : ['  largest folders', ...list(folders)]),
  ];
}
