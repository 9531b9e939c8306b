/** A check of the manifest, and how a report names it. */
import type { Manifest } from '../manifest/schema.ts';

export type ApplianceCheck = Manifest['checks'][number];

const LONGEST_COMMAND = 60;

/** `port 22`, `http://localhost/`, a command's first line. */
export function checkTitle(check: ApplianceCheck): string {
  if ('port' in check) return `port ${check.port}`;
  if ('http' in check) return check.http;
  const line = check.command.trim().split('\n')[0] ?? '';
  const cut = line.length > LONGEST_COMMAND || line !== check.command.trim();
  return cut ? `${line.slice(0, LONGEST_COMMAND)}…` : line;
}
