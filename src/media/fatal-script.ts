/**
 * Says that the medium cannot go on, and why, as one line that a person and a host's program recognize:
 * `PVMC FATAL: …`, through the kernel's log, which reaches every console. Script and busybox lie in
 * memory, so that they still work when the medium can no longer be read.
 */

export const FATAL_MARK = 'PVMC FATAL:';

/** In the initial RAM file system, and where they go before it is left. */
export const FATAL_PATH = 'bin/fatal';
const MEMORY = '/run/pvmc';

/** Written by the constructor when it has said its verdict. */
export const VERDICT_PATH = '/run/pvmc/verdict.json';

/** Copies both to where the system finds them; for the initial RAM file system. */
export const KEEP_IN_MEMORY = `cp /bin/busybox /${FATAL_PATH} ${MEMORY}/`;

/** The command that says it, for systemd's units. */
export function fatalCommand(...words: readonly string[]): string {
  return [`${MEMORY}/busybox sh ${MEMORY}/fatal`, ...words.map((word) => `'${word}'`)].join(' ');
}

/** Given after it, the reason is said only when the constructor has not said its own. */
export const UNLESS_VERDICT = '--unless-verdict';

export const FATAL_SCRIPT = `#!/bin/sh
busybox=${MEMORY}/busybox
[ -x $busybox ] || busybox=/bin/busybox
if [ "$1" = ${UNLESS_VERDICT} ]; then
  [ ! -s ${VERDICT_PATH} ] || exit 0
  shift
fi
reason=$*
evidence=$($busybox dmesg | $busybox grep -E 'SQUASHFS error|I/O error, dev sr' | $busybox tail -n 1)
[ -z "$evidence" ] || reason="$reason; the medium cannot be read: \${evidence#*] }"
echo "<2>${FATAL_MARK} $reason" > /dev/kmsg
`;
