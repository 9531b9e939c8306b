/**
 * A program that is QEMU, except that KVM does not run guests on it: a small simulator of QEMU's
 * internal error for hosts of any kind. (The real one looks the same: QEMU 7.2 with a Debian kernel on
 * a KVM that emulates too little.)
 */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const SIMULATOR = `
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
const qmp = new Socket({ fd: 3 });
const say = (message) => qmp.write(JSON.stringify(message) + '\\n');
const answers = {
  'query-status': () => ({ status: 'internal-error', running: false }),
  cont: () => {
    if (process.argv.includes('guest=talkative')) new Socket({ fd: 4 }).write('hello');
    setTimeout(() => say({ event: 'STOP' }), 100);
    return {};
  },
  quit: () => {
    setTimeout(() => process.exit(0), 20);
    return {};
  },
  qmp_capabilities: () => ({}),
};
createInterface({ input: qmp }).on('line', (line) => {
  const { execute, id } = JSON.parse(line);
  const answer = answers[execute];
  if (answer) say({ return: answer(), id });
  else say({ error: { class: 'CommandNotFound', desc: 'not simulated' }, id });
});
say({ QMP: { version: {}, capabilities: [] } });
`;

/** Writes the program into a folder; returns its path. */
export async function brokenKvm(folder: string): Promise<string> {
  const simulator = join(folder, 'simulator.mjs');
  const program = join(folder, 'qemu-with-broken-kvm');
  await writeFile(simulator, SIMULATOR);
  await writeFile(
    program,
    `#!/bin/sh
case " $* " in
*" -accel kvm "*) exec '${process.execPath}' '${simulator}' "$@" ;;
esac
exec qemu-system-x86_64 "$@"
`,
  );
  await chmod(program, 0o755);
  return program;
}
