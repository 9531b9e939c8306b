/**
 * A machine of QEMU's user: two small shell scripts beside its disk, to read, to edit and to take elsewhere.
 * QEMU itself keeps no list of machines.
 */
import { counted } from '../../system/counted.ts';
import { commandLine } from '../../system/run.ts';
import { formatSize } from '../../system/size.ts';
import { DISC, type ImportSpecification } from '../importer.ts';

export const CONSOLE_LOG = 'console.log';
export const DISK = 'disk.qcow2';
export const UEFI_VARIABLES = 'uefi-variables.fd';

export interface StartScript {
  readonly specification: ImportSpecification;
  readonly program: string;
  /** UEFI's code; undefined for a BIOS machine. */
  readonly uefiCodePath: string | undefined;
}

export function startScript({ specification, program, uefiCodePath }: StartScript): string {
  const { name, memoryBytes, cpus, firmware } = specification;
  const what = `${formatSize(memoryBytes)} of memory, ${counted(cpus, 'CPU')}, ${firmware.toUpperCase()}`;
  return `#!/bin/sh
# The machine ${name}: ${what}.
#
#   ./start              its console in this terminal; Ctrl-A X ends it at once
#   ./start window       its screen in a window; the console goes to ${CONSOLE_LOG}
#   ./start background   returns when it runs; the console goes to ${CONSOLE_LOG}, ./stop switches it off
#
# Further arguments are handed to QEMU.
set -eu
cd -P "$(dirname "$0")"

case \${1-} in
'' | -*) set -- -nographic "$@" ;;
window)
  shift
  set -- -serial file:${CONSOLE_LOG} "$@"
  ;;
background)
  shift
  [ -p monitor.in ] || mkfifo monitor.in monitor.out
  set -- -display none -serial file:${CONSOLE_LOG} -monitor pipe:monitor \\
    -daemonize -pidfile "$PWD/qemu.pid" "$@"
  ;;
*)
  echo "usage: $0 [window | background] [OPTION OF QEMU]..." >&2
  exit 2
  ;;
esac

# /dev/kvm alone proves nothing: some computers have it and cannot use it.
if [ -w /dev/kvm ] && grep -Eqw 'vmx|svm' /proc/cpuinfo; then
  accelerator=kvm cpu=host
else
  accelerator=tcg,thread=multi cpu=max
fi

exec ${commandLine([program])} -name ${name} -machine q35 -accel "$accelerator" -cpu "$cpu" \\
${hardware(specification, uefiCodePath)
  .map((argv) => `  ${commandLine(argv)} \\\n`)
  .join('')}  "$@"
`;
}

function hardware(
  { memoryBytes, cpus, network, forwardPorts, disc }: ImportSpecification,
  uefiCodePath: string | undefined,
): readonly (readonly string[])[] {
  const forwards = Object.entries(forwardPorts).map(
    ([guestPort, hostPort]) => `,hostfwd=tcp:127.0.0.1:${hostPort}-:${guestPort}`,
  );
  const flash = ['-drive', 'if=pflash,format=raw'];
  return [
    ['-m', `${Math.ceil(memoryBytes / 2 ** 20)}M`, '-smp', String(cpus)],
    ...(uefiCodePath === undefined
      ? []
      : [
          [flash[0] ?? '', `${flash[1]},readonly=on,file=${uefiCodePath}`],
          [flash[0] ?? '', `${flash[1]},file=${UEFI_VARIABLES}`],
        ]),
    ['-drive', `if=none,id=disk,file=${DISK},format=qcow2,discard=unmap`],
    ['-device', 'virtio-blk-pci,drive=disk,bootindex=1'],
    ...(disc === undefined
      ? []
      : [
          ['-drive', `if=none,id=disc,file=${DISC},format=raw,media=cdrom,readonly=on`],
          ['-device', 'ide-cd,drive=disc'],
        ]),
    network === 'nat'
      ? ['-nic', `user,model=virtio-net-pci${forwards.join('')}`]
      : ['-nic', 'none'],
    ['-device', 'virtio-rng-pci'],
  ];
}

/** Of a machine in the background. */
export function stopScript({ name }: Pick<ImportSpecification, 'name'>): string {
  return `#!/bin/sh
# Presses the power button of the machine ${name} that runs in the background, and waits until it is off.
set -eu
cd -P "$(dirname "$0")"

# After a crash the number may be another program's.
runs() { tr '\\0' '\\n' <"/proc/$pid/cmdline" | grep -Fqx "$PWD/qemu.pid"; }

pid=$(cat qemu.pid 2>/dev/null) && runs 2>/dev/null || {
  echo '${name} does not run in the background' >&2
  exit 1
}
# Opened to read, too: to write alone would wait for a reader.
echo system_powerdown 1<>monitor.in
for second in $(seq ${POWER_OFF_SECONDS}); do
  runs 2>/dev/null || exit 0
  sleep 1
done
echo "${name} is not off after ${POWER_OFF_SECONDS} s; this ends it at once: kill $pid" >&2
exit 1
`;
}

/** A guest in software emulation takes its time. */
const POWER_OFF_SECONDS = 180;
