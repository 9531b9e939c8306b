import { mkdir, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { run } from '../system/run.ts';
import { initrdArchive } from './initrd.ts';
import { APPLETS, INIT_SCRIPT } from './initrd-script.ts';
import { scratchFolder } from './scratch-folder.test-support.ts';

const folder = scratchFolder();

test('holds busybox, its applets, the modules and the folders that they are in', async () => {
  const modules = folder.path('modules', 'lib', 'modules', '6.12');
  await mkdir(`${modules}/kernel/fs`, { recursive: true });
  await writeFile(`${modules}/kernel/fs/isofs.ko`, 'module');
  await writeFile(`${modules}/modules.dep`, 'table');
  await writeFile(folder.path('busybox'), 'program');
  const archive = await initrdArchive({
    busyboxPath: folder.path('busybox'),
    modulesFolder: folder.path('modules'),
    sourceDateEpoch: 1_700_000_000,
  });
  const { stdout } = await run(['cpio', '--list', '--quiet'], { input: archive });
  const paths = stdout.trim().split('\n');
  expect(paths).toEqual(
    expect.arrayContaining(['init', 'dev/console', 'bin/busybox', 'bin/sh', 'proc', 'root']),
  );
  expect(paths).toContain('lib/modules/6.12/kernel/fs/isofs.ko');
  // The kernel makes no missing parents.
  for (const path of paths) {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    if (parent !== '') expect(paths.indexOf(parent)).toBeLessThan(paths.indexOf(path));
    if (parent !== '') expect(paths).toContain(parent);
  }
});

test('the script is one that a shell can read', async () => {
  await run(['sh', '-n'], { input: INIT_SCRIPT });
});

test('the script calls only applets that are there', () => {
  const builtIn =
    /^(read|for|case|echo|return|export|until|if|fi|do|done|esac|exec|\[|try|give_up|others|found|load_drivers|find_medium|waited|wanted|device|foreign|continue)\b/;
  const called = INIT_SCRIPT.split('\n')
    .flatMap((line) =>
      line.replace(/(?:^|\s)#.*|^\s*for \w+ in/, '').split(/&&|\|\||;|\||\$\(|\{ |\bthen\b|\bdo\b/),
    )
    .map((command) => /^\s*(?:exec\s+)?([a-z_]+)(?=\s|$)/.exec(command)?.[1])
    .filter((name): name is string => name !== undefined && !builtIn.test(name));
  expect(called).toEqual(expect.arrayContaining(['mount', 'modprobe', 'switch_root', 'setsid']));
  expect(called.filter((name) => !APPLETS.includes(name))).toEqual([]);
});
