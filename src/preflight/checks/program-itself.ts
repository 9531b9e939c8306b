/** pvmc's own version and Node.js, which runs it. */
import { release } from 'node:os';
import { isAtLeast, isDebian, textOf, versionNumbers } from '../facts.ts';
import { type Check, type Finding, ok, problem } from '../finding.ts';
import { whoRunsUs } from '../who.ts';

/** What package.json promises: `engines`. */
const OLDEST_NODE = [20, 19];

export function programItself(version: string, nodeVersion = process.versions.node): Check {
  return {
    name: 'pvmc',
    ifItHangs: 'warning',
    look: async () => [
      ok(`${version}, on ${await systemName()}, Linux ${release()}`),
      await nodeFinding(nodeVersion),
    ],
  };
}

async function nodeFinding(version: string): Promise<Finding> {
  if (isAtLeast(versionNumbers(version), OLDEST_NODE)) return ok(`Node.js ${version}`);
  const { asRoot } = await whoRunsUs();
  return problem(
    `Node.js ${version} is older than ${OLDEST_NODE.join('.')}, the oldest that will do`,
    {
      advice:
        'Debian 13 has a new enough one; for older systems see https://nodejs.org/en/download',
      commands: (await isDebian()) ? [asRoot('apt-get install --yes nodejs')] : [],
    },
  );
}

async function systemName(): Promise<string> {
  const told = (await textOf('/etc/os-release')) ?? '';
  return /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(told)?.[1] ?? 'an unknown system';
}
