/** pvmc's own lint, whose rules are what importers stumble over. */
import { type Importer, versionOf } from './importer.ts';

export const lint: Importer = {
  name: 'pvmc lint',
  version: () => versionOf('./pvmc', '--version'),
  attempt: ({ format, file }, trial) =>
    /^(?:ova|ovf|vmdk)/.test(format)
      ? trial
          .run(['./pvmc', 'lint', file], { accept: [0, 1, 2, 3, 4, 5] })
          .then(({ stdout }) => rulesOf(stdout))
      : undefined,
};

function rulesOf(said: string): string {
  const rules = new Set(said.match(/\bL\d{3} [\w-]+/g));
  return rules.size === 0 ? 'nothing found' : [...rules].map((rule) => `\`${rule}\``).join(', ');
}
