/**
 * The programs and files that building takes. scripts/debian-packages.json, from which the launcher
 * installs them, says which; whoever runs the bundle without the launcher gets the same command here.
 */
import debianPackages from '../../../scripts/debian-packages.json' with { type: 'json' };
import { qemuHypervisor } from '../../hypervisors/qemu/hypervisor.ts';
import { PvmcError } from '../../system/error.ts';
import { run } from '../../system/run.ts';
import { isDebian } from '../facts.ts';
import { type Check, type Finding, ok, problem } from '../finding.ts';
import { findProgram, isThere, whoRunsUs } from '../who.ts';

interface DebianPackage {
  readonly package: string;
  /** `command:NAME` or `file:PATH`. */
  readonly look: string;
  readonly why: string;
}

/** Those that build: what only installs or tests pvmc is not looked for. */
const BUILDING: readonly DebianPackage[] = debianPackages.filter((each) => each.for === 'main');

export function programs(): Check {
  return { name: 'programs', ifItHangs: 'problem', look: async () => look() };
}

async function look(): Promise<readonly Finding[]> {
  const there = await Promise.all(BUILDING.map(isInstalled));
  const missing = BUILDING.filter((_, index) => there[index] === false);
  if (missing.length === 0) return [ok(`all ${BUILDING.length} are there`)];
  return missingFindings(missing);
}

async function isInstalled({ look: where }: DebianPackage): Promise<boolean> {
  const [kind, what = ''] = where.split(/:(.*)/s);
  if (kind === 'file') return isThere(what);
  return (await findProgram(what)) !== undefined;
}

/** One command cures them all. */
async function missingFindings(missing: readonly DebianPackage[]): Promise<readonly Finding[]> {
  const names = missing.map((each) => each.package).join(' ');
  const install = `apt-get install --yes --no-install-recommends ${names}`;
  const cure = (await isDebian())
    ? { commands: [(await whoRunsUs()).asRoot(install)] }
    : { advice: `Install what this system calls Debian's packages ${names}.` };
  return missing.map((each) => {
    const what = each.look.replace(/^\w+:/, '');
    const finding = `there is no ${what}, which ${each.why} (package ${each.package})`;
    return problem(finding, cure);
  });
}

/** QEMU's version, which has to be recent enough, and mmdebstrap's. */
export function versions(): Check {
  return {
    name: 'versions',
    ifItHangs: 'warning',
    look: async (signal) => (await Promise.all([qemuVersion(), mmdebstrapVersion(signal)])).flat(),
  };
}

/** A missing one has been named already. */
async function qemuVersion(): Promise<readonly Finding[]> {
  try {
    return [ok(await qemuHypervisor().version())];
  } catch (thrown) {
    if (!(thrown instanceof PvmcError)) throw thrown;
    if (thrown.code === 'qemu-missing') return [];
    return [problem(thrown.message, { advice: thrown.hint })];
  }
}

async function mmdebstrapVersion(signal: AbortSignal): Promise<readonly Finding[]> {
  if ((await findProgram('mmdebstrap')) === undefined) return [];
  const { stdout } = await run(['mmdebstrap', '--version'], { signal });
  return [ok(stdout.split('\n')[0] ?? 'mmdebstrap')];
}
