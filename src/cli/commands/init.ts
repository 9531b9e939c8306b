/** `pvmc init`: a first manifest to start from. Never writes over an existing file. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { MANIFEST_FILE } from '../../manifest/read.ts';
import { PvmcError, systemCodeOf } from '../../system/error.ts';
import { commandLine } from '../../system/run.ts';
import { examples, type OpenSession } from './command.ts';

export function addInit(root: Command, open: OpenSession): void {
  root
    .command('init')
    .summary('write a first manifest')
    .description(
      `Writes a commented ${MANIFEST_FILE} to start from. Never writes over an existing file.`,
    )
    .argument('[folder]', 'the folder, made when it is not there', '.')
    .addHelpText(
      'after',
      examples([
        ['pvmc init shop', `writes shop/${MANIFEST_FILE} for an appliance named "shop"`],
        ['pvmc init', 'in this folder'],
      ]),
    )
    .action(async (folder: string, _flags: object, command: Command) => {
      const session = open(command);
      const target = resolve(session.workingFolder, folder);
      const path = join(target, MANIFEST_FILE);
      await makeFolder(target);
      await writeNew(path, session.program.manifestTemplate(target));
      const { style } = session;
      const argument = folder === '.' ? [] : [folder];
      session.conclude(
        [
          `${style.good(style.marks.done)} wrote ${session.shorten(path)}`,
          '',
          '  Edit it, then:',
          `    ${commandLine(['pvmc', 'check', ...argument])}`,
          `    ${commandLine(['pvmc', 'build', ...argument])}`,
        ],
        'manifest-written',
        { path },
      );
    });
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (thrown) {
    if (systemCodeOf(thrown) !== 'EEXIST' && systemCodeOf(thrown) !== 'ENOTDIR') throw thrown;
    throw new PvmcError({
      kind: 'usage',
      code: 'no-folder',
      message: `${path} is no folder`,
      hint: 'Give another folder: pvmc init FOLDER.',
      cause: thrown,
    });
  }
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx' });
  } catch (thrown) {
    if (systemCodeOf(thrown) !== 'EEXIST') throw thrown;
    throw new PvmcError({
      kind: 'usage',
      code: 'manifest-exists',
      message: `${path} exists already, and is left as it is`,
      hint: 'Give another folder: pvmc init FOLDER.',
      cause: thrown,
    });
  }
}
