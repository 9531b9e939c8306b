/**
 * libvirt: virt-install makes a machine of a disk and starts it in a session of libvirt's own, with QEMU in
 * software; nothing of the host's libvirt is touched. The machine writes to a layer above the disk.
 */
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../src/system/run.ts';
import { type Importer, type Trial, versionOf } from './importer.ts';
import { SPEAKS } from './qemu.ts';

const FORMATS = ['qcow2', 'raw', 'proxmox', 'vagrant-libvirt', 'vhdx', 'vdi', 'vmdk'];
const BOOT_SECONDS = 120;
const NOBODY = 65534;
const VIRSH = ['virsh', '-c', 'qemu:///session'];

export const libvirtBoots: Importer = {
  name: 'libvirt',
  version: async () => {
    const installer = await versionOf('virt-install', '--version');
    const library = await versionOf('virsh', '--version');
    if (installer === undefined || library === undefined) return undefined;
    return `libvirt ${library}, virt-install ${installer}`;
  },
  attempt: ({ format, image, imageFormat }, trial) =>
    FORMATS.includes(format) ? boot(image, imageFormat, trial) : undefined,
};

async function boot(image: string, imageFormat: string, trial: Trial): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'pvmc-libvirt-'));
  const session = new Session(home, trial);
  try {
    const layer = join(home, 'layer.qcow2');
    const over = ['-f', 'qcow2', '-b', image, '-F', imageFormat, layer];
    await trial.run(['qemu-img', 'create', '-q', ...over]);
    await session.open(layer);
    const console = join(home, 'console');
    const install = installation(layer, console);
    const { stdout } = await session.run([...install, '--print-xml']);
    const xml = join(home, 'trial.xml');
    await writeFile(xml, stdout);
    await trial.run(['virt-xml-validate', xml, 'domain']);
    const began = performance.now();
    await session.run([...install, '--noautoconsole']);
    const { stdout: running } = await session.run([...VIRSH, 'dumpxml', 'trial']);
    const opened = formatBelow(running);
    if (opened !== imageFormat) throw new Error(`libvirt opens the ${imageFormat} as ${opened}`);
    const words = await heardIn(console, trial.signal);
    await session.run([...VIRSH, 'destroy', 'trial']);
    return `XML valid; “${words}” after ${Math.round((performance.now() - began) / 1000)} s`;
  } finally {
    await session.close();
    await rm(home, { recursive: true, force: true });
  }
}

function installation(layer: string, console: string): readonly string[] {
  return [
    'virt-install',
    '--connect',
    'qemu:///session',
    '--virt-type',
    'qemu',
    '--import',
    '--name',
    'trial',
    '--memory',
    '512',
    '--osinfo',
    'detect=on,require=off',
    '--network',
    'none',
    '--graphics',
    'none',
    '--serial',
    `file,path=${console}`,
    '--disk',
    `path=${layer},format=qcow2,bus=virtio`,
  ];
}

/**
 * As which format libvirt has QEMU open what is below the layer: it reads the layer's header, and takes for raw what
 * it has no name for.
 */
function formatBelow(machine: string): string | undefined {
  return /<backingStore type='file'[^>]*>\s*<format type='(\w+)'/.exec(machine)?.[1];
}

async function heardIn(path: string, signal: AbortSignal): Promise<string> {
  for (let second = 0; second < BOOT_SECONDS; second += 1) {
    const said = await readFile(path, 'latin1').catch(() => '');
    const heard = SPEAKS.exec(said)?.[0];
    if (heard !== undefined) return heard.trim();
    await sleep(1000, undefined, { signal });
  }
  throw new Error(`the machine said nothing for ${BOOT_SECONDS} s`);
}

/** libvirt serves root by a daemon of the whole host, everybody else by one of their own: root becomes nobody. */
class Session {
  readonly #home: string;
  readonly #trial: Trial;
  readonly #isRoot = process.getuid?.() === 0;

  constructor(home: string, trial: Trial) {
    this.#home = home;
    this.#trial = trial;
  }

  async open(...files: readonly string[]): Promise<void> {
    await mkdir(join(this.#home, 'run'), { mode: 0o700 });
    await chmod(this.#home, 0o755);
    if (!this.#isRoot) return;
    const owned = [this.#home, join(this.#home, 'run'), ...files];
    for (const path of owned) await chown(path, NOBODY, NOBODY);
  }

  run(argv: readonly string[]) {
    const become = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
    const env = { HOME: this.#home, XDG_RUNTIME_DIR: join(this.#home, 'run') };
    this.#trial.note(argv);
    const options = { env, cwd: this.#home, signal: this.#trial.signal };
    return run([...(this.#isRoot ? become : []), ...argv], options);
  }

  /** Ends the session's daemon, and the machine with it. */
  async close(): Promise<void> {
    const pid = await readFile(join(this.#home, 'run/libvirt/libvirtd.pid'), 'utf8').catch(
      () => '',
    );
    await this.run([...VIRSH, 'destroy', 'trial']).catch(() => {});
    this.#trial.commands.pop();
    if (Number(pid) > 1) process.kill(Number(pid));
  }
}
