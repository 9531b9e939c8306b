/** The scripts that go with an appliance: what they do, and that no text of a manifest ever is more than a text. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseManifest } from '../../manifest/read.ts';
import type { Manifest } from '../../manifest/schema.ts';
import { run } from '../../system/run.ts';
import { hyperVScript } from './hyper-v-script.ts';
import { proxmoxScript } from './proxmox-script.ts';

const HOSTILE = `It's "it" $HOME $(touch hacked) \`touch hacked\` \\ ‘two’ #> %\n-- second line`;

function manifestWith(lines = ''): Manifest {
  const text = `name: demo\nversion: "1.0"\n${lines}\n`;
  return parseManifest('appliance.yaml', Buffer.from(text)).manifest;
}

/** Also what the schema would have refused. */
const hostile: Manifest = {
  ...manifestWith(),
  name: `de'mo\n$(touch hacked)`,
  version: `1.0#>\n'`,
  description: HOSTILE,
};

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pvmc-scripts-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('the script for Proxmox VE', () => {
  /** Stand-ins of Proxmox VE's programs, which write down what they were called with. */
  async function installProxmox({ importFails = false } = {}): Promise<void> {
    const note = `printf '%s\\n' "\${0##*/} $*" >>"${folder}/calls"\n`;
    const programs = {
      qm: `case $1 in
        config) [ -e "${folder}/made" ] || exit 2; echo 'scsihw: virtio-scsi-pci'; echo 'unused0: local-lvm:vm-100-disk-0' ;;
        create) ${note} touch "${folder}/made" ;;
        importdisk) ${note} exit ${importFails ? 1 : 0} ;;
        *) ${note} ;;
      esac`,
      pct: 'exit 2',
      pvesm: "printf 'Name Type Status\\nlocal-lvm lvmthin active\\nold dir inactive\\n'",
      id: 'echo 0',
    };
    for (const [name, text] of Object.entries(programs)) {
      await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`);
      await chmod(join(folder, name), 0o755);
    }
  }

  async function start(manifest: Manifest, ...args: readonly string[]) {
    const script = join(folder, 'import.sh');
    await writeFile(script, proxmoxScript(manifest, 'demo-1.0.qcow2'));
    await writeFile(join(folder, 'demo-1.0.qcow2'), 'a disk');
    const ended = await run(['sh', script, ...args], {
      cwd: folder,
      env: { PATH: `${folder}:/usr/bin:/bin` },
      accept: [0, 1, 2],
    });
    const calls = await readFile(join(folder, 'calls'), 'utf8').catch(() => '');
    return { ...ended, calls: calls.split('\n').filter((line) => line !== '') };
  }

  test('makes the machine that the manifest describes', async () => {
    await installProxmox();
    const manifest = manifestWith('machine: { memory: 2 GiB, cpus: 3 }');
    const { status, calls, stdout } = await start(manifest, '100', 'local-lvm', 'vmbr1');
    expect(status).toBe(0);
    expect(calls).toEqual([
      'qm create 100 --name demo --memory 2048 --cores 3 --ostype l26 --scsihw virtio-scsi-pci --serial0 socket --net0 virtio,bridge=vmbr1',
      `qm importdisk 100 ${folder}/demo-1.0.qcow2 local-lvm`,
      'qm set 100 --scsi0 local-lvm:vm-100-disk-0,discard=on --boot order=scsi0',
    ]);
    expect(stdout).toContain('To start it: qm start 100');
  });

  test('gives a machine with UEFI a disk for its variables, and one without network no card', async () => {
    await installProxmox();
    const manifest = manifestWith('machine: { firmware: uefi, network: none }');
    const { calls } = await start(manifest, '100', 'local-lvm');
    expect(calls[0]).toContain(
      '--bios ovmf --machine q35 --efidisk0 local-lvm:1,efitype=4m,pre-enrolled-keys=0',
    );
    expect(calls[0]).not.toContain('--net0');
  });

  test('removes the machine again when the disk cannot be imported', async () => {
    await installProxmox({ importFails: true });
    const { status, calls, stderr } = await start(manifestWith(), '100', 'local-lvm');
    expect(status).toBe(1);
    expect(calls.at(-1)).toBe('qm destroy 100 --purge');
    expect(stderr).toContain('removing the unfinished machine 100');
  });

  test('leaves a machine alone that has the number', async () => {
    await installProxmox();
    await writeFile(join(folder, 'made'), '');
    const { status, calls, stderr } = await start(manifestWith(), '100', 'local-lvm');
    expect([status, calls]).toEqual([1, []]);
    expect(stderr).toContain('there is a machine 100 already, and it stays as it is');
  });

  test('takes a disk whose digest is right, and no other', async () => {
    await installProxmox();
    const sums = join(folder, 'demo-1.0.qcow2.sha256');
    await writeFile(sums, `${'0'.repeat(64)}  demo-1.0.qcow2\n`);
    const { calls, stderr } = await start(manifestWith(), '100', 'local-lvm');
    expect(calls).toEqual([]);
    expect(stderr).toContain('the disk is not what it was when it was exported');
  });

  test.each([
    [['100', 'nowhere'], 1, 'the storage nowhere is not there, not active, or not for disks'],
    [['100', 'old'], 1, 'the storage old is not there, not active, or not for disks'],
    [['99', 'local-lvm'], 1, '"99" is no number of a machine'],
    [['1x0', 'local-lvm'], 1, '"1x0" is no number of a machine'],
    [['100', '-x'], 1, '"-x" is no name of a storage'],
    [['100', 'local-lvm', 'a b'], 1, '"a b" is no name of a bridge'],
    [['100'], 2, 'usage: '],
    [[], 2, 'usage: '],
  ])('says what is wrong with the arguments %j', async (args, wanted, said) => {
    await installProxmox();
    const { status, stderr, calls } = await start(manifestWith(), ...args);
    expect([status, calls]).toEqual([wanted, []]);
    expect(stderr).toContain(said);
  });

  test('says so on a computer without Proxmox VE, where --dry-run still shows the commands', async () => {
    const { status, stderr } = await start(manifestWith(), '100', 'local-lvm');
    expect(status).toBe(1);
    expect(stderr).toContain('this is no host of Proxmox VE: it has no qm');
    const dry = await start(manifestWith(), '--dry-run', '100', 'local-lvm');
    expect(dry.status).toBe(0);
    expect(dry.stdout).toContain('\nqm set 100 --scsi0 VOLUME,discard=on --boot order=scsi0\n');
  });

  test('runs nothing that a manifest says', async () => {
    await installProxmox();
    const { status, calls } = await start(hostile, '100', 'local-lvm');
    expect(status).toBe(0);
    expect(calls.join('\n')).toContain(`--description=${HOSTILE}`);
    await expect(readFile(join(folder, 'hacked'))).rejects.toThrow('ENOENT');
  });

  test('is clean for shellcheck', async () => {
    for (const manifest of [manifestWith(), hostile]) {
      await run(['shellcheck', '-'], { input: proxmoxScript(manifest, `it's.qcow2`) });
    }
  });
});

describe('the script for Hyper-V', () => {
  test('says what the manifest says', () => {
    const script = hyperVScript(
      manifestWith('machine: { memory: 513 MiB, cpus: 3, firmware: uefi, network: none }'),
      'demo-1.0.vhdx',
    );
    expect(script).toContain("[string] $Name = 'demo'");
    // An odd number of mebibytes is none that Hyper-V has.
    expect(script).toContain(`$MemoryStartupBytes = ${514 * 2 ** 20}`);
    expect(script).toContain('[int] $ProcessorCount = 3');
    expect(script).toContain("$diskName = 'demo-1.0.vhdx'");
    expect(script).toContain('$generation = 2\r\n$hasNetwork = $false\r\n');
    expect(hyperVScript(manifestWith(), 'x')).toContain('$generation = 1\r\n$hasNetwork = $true');
  });

  test('begins with the mark that Windows PowerShell needs, and has its line ends', () => {
    const script = hyperVScript(hostile, 'x');
    expect(Buffer.from(script).subarray(0, 3)).toEqual(Buffer.of(0xef, 0xbb, 0xbf));
    expect(script).not.toMatch(/[^\r]\n/);
  });

  test('has every text of the manifest as a text', () => {
    const script = hyperVScript(hostile, `it's.vhdx`).replaceAll('\r\n', '\n');
    const [, strings] = readScript(script);
    expect(strings).toEqual(
      expect.arrayContaining([
        hostile.name,
        `it's.vhdx`,
        `${hostile.name} ${hostile.version}\n${HOSTILE}`,
      ]),
    );
    // What is left is the same for every appliance.
    const [plain] = readScript(hyperVScript(manifestWith(), 'x').replaceAll('\r\n', '\n'));
    const [code] = readScript(script);
    expect(code).toBe(plain);
  });
});

/** PowerShell's code without its block comment and its single-quoted strings, and what these say. */
function readScript(script: string): readonly [code: string, strings: readonly string[]] {
  const strings: string[] = [];
  const code = script.replaceAll(
    /<#.*?#>|"[^"]*"|#[^\n]*|['‘-‛]((?:[^'‘-‛]|['‘-‛]{2})*)['‘-‛]/gs,
    (found, text: string | undefined) => {
      if (text === undefined) return found.startsWith('"') ? found : '';
      strings.push(text.replaceAll(/(['‘-‛])\1/g, '$1'));
      return "''";
    },
  );
  return [code, strings];
}
