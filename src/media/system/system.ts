/** All that pvmc adds to Debian's files on the medium. */
import { constructorFiles } from './constructor-service.ts';
import { networkFiles } from './network.ts';
import { settingsFiles } from './settings.ts';
import type { SystemFile } from './tree.ts';
import { unitFiles } from './units.ts';

export function systemFiles(): readonly SystemFile[] {
  return [...unitFiles(), ...networkFiles(), ...constructorFiles(), ...settingsFiles()];
}
