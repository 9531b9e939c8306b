/**
 * Appliances become machines of VirtualBox's user: VirtualBox reads the OVA itself, and has the machine in
 * its own list and folder, as if the user had imported it.
 */
import { realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../system/error.ts';
import type { Progress } from '../../system/progress.ts';
import { commandLine } from '../../system/run.ts';
import {
  type ClaimedPlace,
  DISC,
  type Importer,
  type ImportSpecification,
  type Known,
  type MachineCommands,
  type Place,
} from '../importer.ts';
import { explaining, placeOf } from '../machine-place.ts';
import type { Dialect } from './dialect.ts';
import { isNotFound, machineInfo, powerStateOf } from './machine-state.ts';
import { explained } from './start-failure.ts';
import type { ManageOptions, VBoxManage } from './vboxmanage.ts';

/** A large appliance on a slow disk; it can be called off at any time. */
const IMPORT_SECONDS = 4 * 3600;
/** VirtualBox refuses to remove a machine that it is still importing. */
const REMOVE_SECONDS = 60;
const PAUSE_MILLISECONDS = 500;

export class VirtualBoxImporter implements Importer {
  readonly #manage: VBoxManage;
  readonly #dialect: Dialect;

  constructor(manage: VBoxManage, dialect: Dialect) {
    this.#manage = manage;
    this.#dialect = dialect;
  }

  async place(name: string, parentFolder: string | undefined): Promise<Place> {
    const parent = parentFolder ?? (await this.#machineFolder());
    const folder = join(resolve(parent), name);
    if ((await powerStateOf(this.#manage, name)) !== 'gone')
      return { folder, takenBy: `VirtualBox has a machine ${name} already` };
    return placeOf(folder);
  }

  async rehearse(specification: ImportSpecification, progress: Progress): Promise<void> {
    await this.#tell([...importCommand(specification), '--dry-run'], specification, progress);
  }

  async import(
    specification: ImportSpecification,
    place: Pick<ClaimedPlace, 'open'>,
    progress: Progress,
  ): Promise<void> {
    await explaining(specification.folder, async () => {
      try {
        await this.#tell(importCommand(specification), specification, progress);
      } catch (thrown) {
        // VirtualBox itself takes back what it could not finish.
        if (progress.signal.aborted) await this.#removeRest(specification, progress);
        throw thrown;
      }
      try {
        await this.#addSettings(specification, progress);
        await this.#putDisc(specification, progress);
        await place.open();
      } catch (thrown) {
        await this.#removeRest(specification, progress);
        throw thrown;
      }
    });
  }

  async #addSettings(specification: ImportSpecification, progress: Progress): Promise<void> {
    const settings = settingsOf(specification);
    if (settings.length === 0) return;
    const machine = await this.#machineOf(specification);
    await this.#tell(['modifyvm', machine, ...settings], specification, progress);
  }

  async start(specification: ImportSpecification, progress: Progress): Promise<void> {
    const { name } = specification;
    await this.#tell(['startvm', name, '--type', 'headless'], specification, progress);
  }

  commands({ name, folder, disc }: Known): MachineCommands {
    const manage = (...args: readonly string[]) => commandLine(['VBoxManage', ...args]);
    return {
      start: manage('startvm', name, '--type', 'headless'),
      open: manage('startvm', name),
      // A window on a machine that runs without one.
      look: manage('startvm', name, '--type', 'separate'),
      powerOff: manage('controlvm', name, 'acpipowerbutton'),
      // VirtualBox leaves discs where they are, and with them the folder.
      remove: [
        manage('unregistervm', name, '--delete'),
        ...(disc === undefined ? [] : [commandLine(['rm', '-r', folder])]),
      ].join(' && '),
    };
  }

  /** Into a drive at the first place that takes one, or at a controller of its own. */
  async #putDisc(specification: ImportSpecification, progress: Progress): Promise<void> {
    const { folder, disc } = specification;
    if (disc === undefined) return;
    const path = join(folder, DISC);
    await writeFile(path, disc, { mode: 0o600, flag: 'wx' });
    const machine = await this.#machineOf(specification);
    let place = placeForDisc(await machineInfo(this.#manage, machine));
    if (place === undefined) {
      place = { controller: OWN_CONTROLLER, port: '0', device: '0' };
      const add = ['storagectl', machine, '--name', OWN_CONTROLLER, '--add', 'ide'];
      await this.#tell(add, specification, progress);
    }
    const { controller, port, device } = place;
    const where = ['--storagectl', controller, '--port', port, '--device', device];
    const what = ['--type', 'dvddrive', '--medium', path];
    await this.#tell(['storageattach', machine, ...where, ...what], specification, progress);
  }

  /** Where VirtualBox keeps machines. */
  async #machineFolder(): Promise<string> {
    const { stdout } = await this.#manage.run(['list', 'systemproperties']);
    return /^Default machine folder:\s+(.+)$/m.exec(stdout)?.[1] ?? '.';
  }

  async #tell(
    args: readonly string[],
    { name, memoryBytes, folder }: ImportSpecification,
    progress: Progress,
  ): Promise<void> {
    const options: ManageOptions = {
      signal: progress.signal,
      log: (line, origin) => progress.log(line, origin),
      limitSeconds: IMPORT_SECONDS,
      endWith: 'SIGINT',
    };
    try {
      await this.#manage.run(args, options);
    } catch (thrown) {
      const specification = { name, memoryBytes, runtimeFolder: folder };
      throw explained(thrown, { specification, dialect: this.#dialect });
    }
  }

  /** What VBoxManage knows it by. Somebody may have imported one of the same name into another folder meanwhile. */
  async #machineOf({ name, folder }: ImportSpecification): Promise<string> {
    return (await this.#uuidOf(name, folder)) ?? join(folder, `${name}.vbox`);
  }

  /** Of the machine of that name whose settings are in that folder. */
  async #uuidOf(name: string, folder: string): Promise<string | undefined> {
    try {
      const info = await machineInfo(this.#manage, name);
      const place = await realPathOf(dirname(info.get('CfgFile') ?? ''));
      return place === (await realPathOf(folder)) ? info.get('UUID') : undefined;
    } catch (thrown) {
      if (isNotFound(thrown)) return undefined;
      throw thrown;
    }
  }

  /**
   * A VBoxManage that does not call the import off in time is killed, and VirtualBox's server goes on with it. What
   * it makes has the folder that was chosen for it; a machine of that name in another one is somebody else's.
   */
  async #removeRest(
    { name, folder, disc }: ImportSpecification,
    progress: Progress,
  ): Promise<void> {
    const limit = performance.now() + REMOVE_SECONDS * 1000;
    try {
      while (performance.now() < limit) {
        const uuid = await this.#uuidOf(name, folder);
        if (uuid === undefined) break;
        await this.#manage.run(['unregistervm', uuid, '--delete']).catch(() => {});
        await sleep(PAUSE_MILLISECONDS);
      }
    } catch (thrown) {
      progress.log(`${name} could not be removed: ${messageOf(thrown)}`, 'virtualbox');
    }
    if (disc !== undefined) await rm(join(folder, DISC), { force: true }).catch(() => {});
  }
}

/** Links on the way to it count for nothing. */
function realPathOf(path: string): Promise<string> {
  return realpath(path).catch(() => resolve(path));
}

function importCommand({ ovaPath, name, folder }: ImportSpecification): readonly string[] {
  const where = ['--vsys', '0', '--vmname', name, '--basefolder', resolve(folder, '..')];
  return ['import', resolve(ovaPath), ...where];
}

/** What VirtualBox does not take from a descriptor: VMware's word for UEFI, and the way in from outside. */
function settingsOf({ firmware, network, forwardPorts }: ImportSpecification): readonly string[] {
  const forwards = network === 'nat' ? Object.entries(forwardPorts) : [];
  return [
    ...(firmware === 'uefi' ? ['--firmware', 'efi'] : []),
    ...forwards.flatMap(([guestPort, hostPort]) => [
      '--natpf1',
      `tcp${guestPort},tcp,127.0.0.1,${hostPort},,${guestPort}`,
    ]),
  ];
}

/** For machines that come without a place for a drive. */
const OWN_CONTROLLER = 'Properties';

interface DiscPlace {
  readonly controller: string;
  readonly port: string;
  readonly device: string;
}

/** In VirtualBox's words, the controllers that take a drive. */
const TAKES_DRIVES = /^(?:PIIX|ICH|IntelAhci)/i;

/**
 * A drive that is empty, or else a place where one can be: VirtualBox makes no drive of one that an OVF only
 * lists. It tells each as `"IDE-0-0"="emptydrive"` or `"none"`.
 */
function placeForDisc(info: ReadonlyMap<string, string>): DiscPlace | undefined {
  const names = [...info.keys()].filter((key) => key.startsWith('storagecontrollername'));
  const controllers = names
    .filter((key) => TAKES_DRIVES.test(info.get(key.replace('name', 'type')) ?? ''))
    .map((key) => info.get(key));
  for (const wanted of ['emptydrive', 'none']) {
    for (const [key, value] of info) {
      const [, controller = '', port = '', device = ''] = /^(.+)-(\d+)-(\d+)$/.exec(key) ?? [];
      if (value === wanted && controllers.includes(controller)) return { controller, port, device };
    }
  }
  return undefined;
}
