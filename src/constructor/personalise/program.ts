/**
 * The program that personalises an appliance at its first boot, in Perl: of the languages in a Debian system
 * (perl-base is essential) the one that can read hostile XML. It looks for values on discs, on seed disks and
 * in VMware's guestinfo, checks each as the manifest has declared it, and does what is ready-made. Whatever is
 * wrong with a value is said, and the boot goes on.
 *
 * Its first argument stands before every path, for tests. Nothing here may use a backtick or a dollar sign
 * with a brace behind it: this is a template.
 */
import { APPLYING } from './program/applying.ts';
import { CHECKING } from './program/checking.ts';
import { LOOKING } from './program/looking.ts';
import { MAIN } from './program/main.ts';
import { READING } from './program/reading.ts';

export const PROGRAM_PATH = 'usr/lib/pvmc/personalise';

export const PROGRAM = [
  MAIN,
  LOOKING,
  READING,
  CHECKING,
  APPLYING,
  // Last: what stands above is more than subroutines.
  'exit main();\n',
].join('\n');
