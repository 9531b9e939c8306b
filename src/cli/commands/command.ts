/** What the commands share: how each is added to the program and gets its session. */
import { type Command, Option } from 'commander';
import { HYPERVISOR_NAMES, USUAL_HYPERVISOR } from '../../hypervisors/registry.ts';
import type { Session } from '../session.ts';
import { addTimeout } from '../timeouts.ts';

/** Opens the session of the command that was given. */
export type OpenSession = (command: Command) => Session;

export type AddCommand = (root: Command, open: OpenSession) => void;

/** The end of a help text: real command lines, each with what it does. */
export function examples(lines: readonly (readonly [command: string, what: string])[]): string {
  const shown = lines.map(([command, what]) => `  ${command}\n      ${what}`);
  return `\nExamples:\n${shown.join('\n')}\n`;
}

export const MANIFEST_ARGUMENT = [
  '[manifest]',
  'a manifest, or a folder with an appliance.yaml',
  '.',
] as const;

/** Where builds are looked for. */
export const OUTPUT_OPTION = [
  '-o, --output <folder>',
  'where the builds were made',
  'out',
] as const;

export const BUILD_ARGUMENT = [
  '[build]',
  "the name of a build's folder, or its beginning, or its path",
  'latest',
] as const;

export function hypervisorOption(): Option {
  return new Option('--hypervisor <name>', 'what the machine runs in')
    .choices(HYPERVISOR_NAMES)
    .default(USUAL_HYPERVISOR);
}

export function timeoutOption(): Option {
  return new Option(
    '--timeout <name=duration>',
    'deadline of a stage, or "silence" for a guest that says nothing; may be repeated',
  )
    .argParser(addTimeout)
    .default({}, "the program's own");
}
