/** docs/errors.md and docs/commands.md say what the code does. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeCommands } from './command-line.ts';
import { EXIT_STATUSES } from './exit-status.ts';
import { FakeTerminal, surroundingsOf } from './testing/terminal.ts';

const root = join(import.meta.dirname, '..', '..');
const errors = readFileSync(join(root, 'docs', 'errors.md'), 'utf8');
const commands = readFileSync(join(root, 'docs', 'commands.md'), 'utf8');

describe('docs/errors.md', () => {
  it('has the exit status of every kind', () => {
    const rows = [...errors.matchAll(/^\| (\d+) \| `([a-z]+)` \|/gm)];
    const documented = Object.fromEntries(
      rows.map(([, status, kind = '']) => [kind, Number(status)]),
    );
    expect(documented).toEqual(EXIT_STATUSES);
  });

  it('explains every code that the program can show', () => {
    const missing = [...codesIn(join(root, 'src'))].filter(
      (code) => !errors.includes(`\`${code}\``),
    );
    expect(missing.sort()).toEqual([]);
  });
});

describe('docs/commands.md', () => {
  const never = () => {
    throw new Error('no command was asked for');
  };
  const program = makeCommands('0', surroundingsOf(new FakeTerminal()), never);

  it.each(program.commands.map((command) => command.name()))('lists pvmc %s', (name) => {
    expect(commands).toMatch(new RegExp(`^\\| \`pvmc ${name}[ \`]`, 'm'));
  });

  it.each(program.options.flatMap(({ long }) => long ?? []).filter((long) => long !== '--version'))(
    'names the option %s',
    (long) => expect(commands).toContain(long),
  );
});

/** What is written as `code: '…'` or `code: … ? '…' : '…'` in the sources; zod has a `custom` of its own. */
function codesIn(folder: string): Set<string> {
  const codes = new Set<string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.name.endsWith('.ts') || entry.name.endsWith('.test.ts')) continue;
    const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
    for (const [, ternary, first, second] of text.matchAll(CODE))
      for (const code of ternary === undefined ? [first] : [first, second])
        if (code !== undefined && code !== 'custom') codes.add(code);
  }
  return codes;
}

const CODE = /\bcode: ([\w.]+ \? )?'([a-z0-9-]+)'(?: : '([a-z0-9-]+)')?/g;
