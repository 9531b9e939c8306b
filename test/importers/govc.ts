/**
 * VMware's own client, govc, with vcsim: the same makers' simulator of a vCenter. It reads a descriptor and makes the
 * machine that vCenter would make of it, but keeps nothing of the disk and runs no machine.
 */
import { run } from '../../src/system/run.ts';
import type { Exported } from './exports.ts';
import { type Importer, type Trial, versionOf } from './importer.ts';

export const govcImports: Importer = {
  name: 'govc, vcsim',
  version: async () => {
    const client = await versionOf('govc', 'version');
    const simulator = await versionOf('vcsim', 'version');
    if (client === undefined || simulator === undefined) return undefined;
    return `${client}, vcsim ${simulator.replace('Build Version: ', '')}`;
  },
  attempt: (exported, trial) => {
    const { format } = exported;
    if (!/^(?:ova|ovf|vmdk)/.test(format)) return undefined;
    const take = format.startsWith('vmdk') ? readDescription : importPackage;
    return withSimulator(trial, (env) => take(exported, trial, env));
  },
};

type Environment = Readonly<Record<string, string>>;

/** Bringing a disk alone into a datastore is more than the simulator can; this reads its header and description. */
async function readDescription(
  { image }: Exported,
  trial: Trial,
  env: Environment,
): Promise<string> {
  const { stdout } = await trial.run(['govc', 'import.vmdk', '-i', image], { env });
  return `read: ${/createType="(\w+)"/.exec(stdout)?.[1]}, ${/\((\S+) capacity\)/.exec(stdout)?.[1]}`;
}

async function importPackage(
  { format, file }: Exported,
  trial: Trial,
  env: Environment,
): Promise<string> {
  const verb = format === 'ovf' ? 'import.ovf' : 'import.ova';
  await trial.run(['govc', 'import.spec', file], { env });
  await trial.run(['govc', verb, '-name', 'trial', '-net', 'VM Network', file], { env });
  const told = await trial.run(['govc', 'vm.info', 'trial'], { env });
  const devices = await trial.run(['govc', 'device.ls', '-vm', 'trial'], { env });
  return `imported: ${machineOf(told.stdout, devices.stdout)}`;
}

/** What the manifest asks for, and by which devices; the rest each machine has. */
function machineOf(told: string, devices: string): string {
  const cpus = /CPU: +(\d+)/.exec(told)?.[1];
  const memory = /Memory: +(\d+)MB/.exec(told)?.[1];
  const types = devices.match(/\b(?:Virtual|Para)\w*(?:Logic\w*|SCSI\w*|Disk|E1000|Vmxnet3)\b/g);
  return [`${cpus} CPU`, `${memory} MB`, ...(types ?? [])].join(', ');
}

/** On loopback, at a port that is free; it tells its address, and ends with the attempt. */
async function withSimulator(
  trial: Trial,
  use: (env: Environment) => Promise<string>,
): Promise<string> {
  const argv = ['vcsim', '-l', '127.0.0.1:0', '-tls=false', '-cluster', '0', '-vm', '0'];
  const folders = { HOME: trial.folder, TMPDIR: trial.folder };
  const ending = new AbortController();
  trial.note(argv);
  let running: Promise<unknown> = Promise.resolve();
  try {
    const address = await new Promise<string>((resolve, reject) => {
      const log = (line: string) => {
        const url = /GOVC_URL=(\S+)/.exec(line)?.[1];
        if (url !== undefined) resolve(url);
      };
      const signal = AbortSignal.any([ending.signal, trial.signal]);
      running = run(argv, { env: folders, log, signal }).catch(reject);
    });
    return await use({ ...folders, GOVC_URL: address });
  } finally {
    ending.abort();
    await running;
  }
}
