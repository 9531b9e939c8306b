/**
 * Completion: what may stand at the place of the last word of a command line. The commands and
 * options come from commander's own, the files from the disk; @bomb.sh/tab speaks with the shells.
 */
import { type Dirent, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ArgumentHandler, type Complete, RootCommand } from '@bomb.sh/tab';
import type { Argument, Command, Option } from 'commander';
import { MANIFEST_FILE } from '../manifest/read.ts';
import { STAGES } from '../pipeline/events.ts';

/** Prints what may stand at the last of `words`, which may be empty. */
export function printCompletions(root: Command, words: readonly string[], folder: string): void {
  const files = { typed: words.at(-1) ?? '', folder };
  completionTree(root, files).parse([...words]);
}

/** The file names that matter here: where the user's words are resolved, and what is typed so far. */
interface Files {
  readonly typed: string;
  readonly folder: string;
}

function completionTree(root: Command, files: Files): RootCommand {
  const tree = new RootCommand();
  for (const option of root.options) addOption(tree, option, files);
  for (const command of root.createHelp().visibleCommands(root)) {
    const branch = tree.command(command.name(), command.summary() || command.description());
    for (const option of [...command.options, ...root.options]) addOption(branch, option, files);
    for (const argument of command.registeredArguments)
      branch.argument(argument.name(), argumentHandler(argument, files));
  }
  return tree;
}

function addOption(branch: ReturnType<RootCommand['command']>, option: Option, files: Files): void {
  const name = option.long?.slice(2);
  if (name === undefined) return;
  const alias = option.short?.slice(1);
  if (option.required || option.optional)
    branch.option(name, option.description, optionHandler(option, files), alias);
  else if (alias === undefined) branch.option(name, option.description);
  else branch.option(name, option.description, alias);
}

function optionHandler(option: Option, files: Files) {
  return (complete: Complete) => {
    for (const choice of option.argChoices ?? []) complete(choice, option.description);
    if (option.name() === 'timeout') {
      for (const { name, title } of STAGES) complete(`${name}=`, title);
      complete('silence=', 'a guest that says nothing');
    }
    if (/folder/.test(option.flags))
      foldersBelow(files).forEach((path) => complete(path, 'folder'));
  };
}

function argumentHandler(argument: Argument, files: Files): ArgumentHandler {
  return (complete) => {
    for (const choice of argument.argChoices ?? []) complete(choice, argument.description);
    switch (argument.name()) {
      case 'manifest':
        manifestsBelow(files).forEach((path) => complete(path, 'manifest'));
        break;
      case 'ova':
        appliancesBelow(files, /\.ova$/).forEach((path) => complete(path, 'appliance'));
        break;
      case 'appliance':
        appliancesBelow(files, /\.(ova|ovf|vmdk)$/).forEach((path) => complete(path, 'appliance'));
        break;
      case 'file':
      case 'old':
      case 'new':
        appliancesBelow(files, /\.(ova|ovf|box|vmdk|qcow2|raw|zst|vhdx?|vdi)$/).forEach((path) =>
          complete(path, 'appliance'),
        );
        break;
      case 'folder':
        foldersBelow(files).forEach((path) => complete(path, 'folder'));
        break;
    }
  };
}

/** Folders that hold an appliance.yaml, some levels deep, and YAML files right here. */
function manifestsBelow(files: Files): string[] {
  return walk(files).flatMap(({ path, inside, depth }) => {
    const named = inside.map(({ name }) => name);
    const yaml = depth > 0 ? [] : named.filter((name) => /\.ya?ml$/.test(name));
    const folder =
      named.includes(MANIFEST_FILE) && path !== '' ? [path.replace(/(?<=.)\/$/, '')] : [];
    return [...folder, ...yaml.map((name) => path + name)];
  });
}

function appliancesBelow(files: Files, ending: RegExp): string[] {
  return walk(files).flatMap(({ path, inside }) =>
    inside.filter(({ name }) => ending.test(name)).map(({ name }) => path + name),
  );
}

function foldersBelow(files: Files): string[] {
  const here = walk(files)[0];
  return (here?.inside ?? [])
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => `${here?.path ?? ''}${name}/`);
}

interface Visited {
  /** As the user would write it, with a slash at its end; empty for the folder itself. */
  readonly path: string;
  readonly depth: number;
  readonly inside: readonly Dirent[];
}

const DEEPEST = 3;
/** The user waits for the answer; a home folder is large. */
const MOST_FOLDERS = 300;

/** The folder that is typed so far and those below it, breadth first. */
function walk({ typed, folder }: Files): Visited[] {
  const visited: Visited[] = [];
  const waiting = [{ path: typed.slice(0, typed.lastIndexOf('/') + 1), depth: 0 }];
  for (let next = waiting.shift(); next && visited.length < MOST_FOLDERS; next = waiting.shift()) {
    const { path, depth } = next;
    const inside = entriesOf(resolve(folder, path));
    visited.push({ path, depth, inside });
    if (depth === DEEPEST) continue;
    for (const entry of inside)
      if (entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
        waiting.push({ path: `${path}${entry.name}/`, depth: depth + 1 });
  }
  return visited;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
