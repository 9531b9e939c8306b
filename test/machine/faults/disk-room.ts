/**
 * A folder on a file system of its own, and how that fills up: it is one in memory, in a mount namespace
 * that goes with the program, and may be made smaller from outside.
 */
import { execFileSync } from 'node:child_process';
import type { Bench } from './bench.ts';

const MUCH = '64g';

/** Starts a program that finds an empty file system of this size on the folder. */
export function ownDisk(folder: string, size = MUCH): readonly string[] {
  return inNamespace([`mount -t tmpfs -o size=${size} tmpfs "$0"`], folder);
}

/** The same, with all that is in the folder. */
export function ownDiskWithCopy(folder: string): readonly string[] {
  const steps = [
    'mkdir "$0.copy"',
    `mount -t tmpfs -o size=${MUCH} tmpfs "$0.copy"`,
    'cp -a --sparse=always "$0/." "$0.copy"',
    'mount --move "$0.copy" "$0"',
  ];
  return inNamespace(steps, folder);
}

/** Leaves this little room in the output folder of a run that was started so. */
export function fillDisk({ pvmc, outputFolder }: Bench, freeKibibytes = 64): void {
  // What is written meanwhile may be more than this: then it is refused, and measured anew.
  const script = `for attempt in $(seq 20); do
  used=$(df --output=used --block-size=1K "$0" | tail -n 1)
  mount -o remount,size=$((used + $1))k "$0" 2>/dev/null && exit 0
done
exit 1`;
  const namespaces = ['--user', '--mount', '--preserve-credentials'];
  const shell = ['sh', '-c', script, outputFolder, String(freeKibibytes)];
  execFileSync('nsenter', [`--target=${pvmc.pid}`, ...namespaces, ...shell]);
}

function inNamespace(steps: readonly string[], folder: string): readonly string[] {
  return ['unshare', '-Urm', 'sh', '-c', [...steps, 'exec "$@"'].join(' && '), folder];
}
