/** Vagrant, Debian's: takes each box by its catalogue, as users do. */
import { basename, dirname } from 'node:path';
import { type Importer, versionOf } from './importer.ts';

export const vagrantAdds: Importer = {
  name: 'vagrant box add',
  version: () => versionOf('vagrant', '--version'),
  attempt: ({ format, file }, trial) => {
    if (!format.startsWith('vagrant-')) return undefined;
    const catalogue = basename(file).replace(/\.box$/, '.json');
    const settings = {
      cwd: dirname(file),
      env: { HOME: trial.folder, VAGRANT_HOME: trial.folder, VAGRANT_CHECKPOINT_DISABLE: '1' },
    };
    return trial
      .run(['vagrant', 'box', 'add', catalogue], settings)
      .then(() => trial.run(['vagrant', 'box', 'list'], settings))
      .then(({ stdout }) => `“${stdout.trim()}”`);
  },
};
