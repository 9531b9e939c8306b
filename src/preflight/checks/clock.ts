/** Whether the clock can be right at all. How far it is from the mirror's is looked at with the mirror. */
import { type Check, ok, problem } from '../finding.ts';
import { whoRunsUs } from '../who.ts';

/** When Debian 13 was released: no repository that pvmc can use has an older index. */
const EARLIEST = Date.UTC(2025, 7, 9) / 1000;
const LATEST = Date.UTC(2060, 0) / 1000;

export function clock(now = () => Date.now() / 1000): Check {
  return {
    name: 'clock',
    ifItHangs: 'warning',
    look: async () => {
      const seconds = now();
      const said = utc(seconds);
      if (seconds > EARLIEST && seconds < LATEST) return [ok(`${said} UTC`)];
      return [
        problem(`${said} UTC cannot be the time: no repository’s signed index would be valid`, {
          advice: 'Where there is no time server, set it by hand with date --set.',
          commands: [(await whoRunsUs()).asRoot('timedatectl set-ntp true')],
        }),
      ];
    },
  };
}

/** `2026-11-25 22:10:00`. */
export function utc(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
}
