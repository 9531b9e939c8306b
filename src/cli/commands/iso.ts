/** `pvmc iso`: stage 1 alone. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { renderFile } from '../end-screen.ts';
import { examples, MANIFEST_ARGUMENT, type OpenSession } from './command.ts';

export function addIso(root: Command, open: OpenSession): void {
  root
    .command('iso')
    .summary('make just the PVMC ISO of a manifest')
    .description(
      'Makes the PVMC ISO: the medium that boots, finds the disk and installs the appliance, ' +
        'hands-off, in a virtual machine or on a real one, from CD or a USB stick.',
    )
    .argument(...MANIFEST_ARGUMENT)
    .option('-o, --output <folder>', 'where the ISO is written', 'out')
    .addHelpText(
      'after',
      examples([
        ['pvmc iso examples/hello', 'writes the medium into out/'],
        ['pvmc iso -o /srv/media web.yaml', 'from another file, into another folder'],
      ]),
    )
    .action(async (manifest: string, flags: { readonly output: string }, command: Command) => {
      const session = open(command);
      const outputFolder = resolve(session.workingFolder, flags.output);
      const cacheFolder = session.cacheFolder();
      const file = await session.watch({
        title: manifest,
        run: (emit, signal) =>
          session.program.buildIso(
            { manifestPath: manifest, outputFolder, cacheFolder },
            emit,
            signal,
          ),
      });
      session.conclude(
        [
          '',
          ...renderFile(file, session),
          '',
          '  Boots from CD and from a USB stick, under BIOS and UEFI. It installs without asking.',
        ],
        'iso',
        file,
      );
    });
}
