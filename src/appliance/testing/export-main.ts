/**
 * A program that exports a raw disk, for the tests that need a process of their own: a limit on it, the
 * memory it takes, and our code in one bundle. Arguments: the disk, the folder.
 */

import { PvmcError } from '../../system/error.ts';
import { quietProgress } from '../../system/progress.ts';
import { exportTiny } from './fixtures.ts';

const [, , diskPath = '', outputFolder = ''] = process.argv;
try {
  await exportTiny({ diskPath, outputFolder }, quietProgress());
  console.log(`exported with ${process.resourceUsage().maxRSS} KiB`);
} catch (thrown) {
  if (!(thrown instanceof PvmcError)) throw thrown;
  console.log(`failed with ${thrown.code}`);
}
