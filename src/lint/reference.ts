/** docs/lint.md: every rule with its reason, its sources and who breaks on it, from the rules themselves. */
import { type ForeignFile, QEMU_FILES, VIRTUALBOX_FILES } from './foreign-tools.ts';
import type { Source } from './rule.ts';
import { allRules, type NamedRule, ruleNamed } from './rules.ts';

const GROUPS = [
  { digit: '1', title: 'The archive', what: 'Of an OVA: its format, the names and the order.' },
  { digit: '2', title: 'The manifest', what: 'The `.mf` with its digests, and the `.cert`.' },
  {
    digit: '3',
    title: 'The descriptor',
    what: 'The `.ovf`, and whether it agrees with the files beside it.',
  },
  { digit: '4', title: 'The disk', what: 'The `.vmdk`, in a package or by itself.' },
] as const;

/** The text of docs/lint.md. */
export function referenceText(): string {
  return [BEGINNING, foreignText(), ...GROUPS.map(groupText)].join('\n\n').concat('\n');
}

const BEGINNING = `# Lint

\`pvmc lint FILE\` tells what importers will not like about an appliance: an OVA, an OVF with its manifest and disks beside
it, or a VMDK, made by pvmc or by any other tool. It reads every byte and inflates every grain, starts nothing, and its memory
does not grow with the file: 120 MB for a disk of 100 MB as for one of 500 MB. A file that is hostile is one more thing to
tell about: nothing that it names is fetched, nothing leads out of it, and no number in it is believed.

\`\`\`sh
pvmc lint theirs.ova                          # what is wrong, where, who stumbles over it, what to do
pvmc lint --verbose theirs.ova                # with the reasons and the sources
pvmc lint --fix -o mended.ova theirs.ova      # writes it anew, without what can be mended
pvmc lint --fix --in-place disk.vmdk          # replaces the file itself
pvmc lint --fix -o shop.ova shop.ovf          # packs an OVF and the files beside it
pvmc lint --json theirs.ova | jq -r 'select(.type == "linted").findings[].name'
\`\`\`

| severity | means | status |
|---|---|---|
| error | an importer that people use refuses the file, or gets another disk than was meant | 9 |
| warning | the specification wants it otherwise, or some importer was seen to stumble | 0; 9 with \`--strict\` |
| note | harmless | 0 |

Numbers and names of rules are stable; a number is never given to another rule. Of one rule in one file five findings are
listed and the others counted.

## What \`--fix\` does

It writes the file anew: a strict ustar with the members in their order; a manifest with SHA256 digests; names without
folders, sizes and units in the descriptor, whose text is otherwise the same to the letter; disks as
streams with footer and end, their grains as they were. The result is looked at before it gets its name, and then all that
is left is told. The file itself is only replaced with \`--in-place\`, and another file never.

It does not guess. What would change the machine (hardware, firmware, vendors' elements) stays as it is. Where nobody can
know what the right file would be, it writes nothing at all: a file that is cut off, a damaged grain, two members of one name.
A digest that is wrong is written anew only for a descriptor that is valid and a disk whose every grain has its checksum: those
prove themselves, any other file may be damaged. A signature (\`.cert\`) stays as long as the manifest does; if that has to
change, the signature would be false and is left out, which is told: [\`pvmc sign\`](sign.md) makes another.`;

function foreignText(): string {
  const rows = [...Object.values(QEMU_FILES), ...Object.values(VIRTUALBOX_FILES)].map(foreignRow);
  return `## What it finds in the files of others

Seen with qemu-img 7.2 and VirtualBox 7.2.22; tests run both and compare.

| written by | rules | \`--fix\` |
|---|---|---|
${rows.join('\n')}

What pvmc exports has no findings.`;
}

function foreignRow({ command, found, fix }: ForeignFile): string {
  const rules = found.map(ruleNamed).map(({ number, name }) => `${number} \`${name}\``);
  return `| ${command} | ${rules.join(', ')} | ${fix} |`;
}

function groupText({ digit, title, what }: (typeof GROUPS)[number]): string {
  const rules = allRules().filter(({ number }) => number.startsWith(`L${digit}`));
  return [`## ${title}`, what, TABLE_HEAD + rules.map(ruleRow).join('\n')].join('\n\n');
}

const TABLE_HEAD = `| rule | severity | what is wrong, and why | who breaks on it | what to do | sources |
|---|---|---|---|---|---|
`;

function ruleRow(rule: NamedRule): string {
  const { number, name, severity, title, reason, breaks, cure, repair, sources } = rule;
  const does = { yes: ' **`--fix` does it.**', no: '', prevents: ' *`--fix` writes nothing.*' };
  const cells = [
    `${number} \`${name}\``,
    severity,
    `**${title}.** ${reason}`,
    breaks,
    cure.includes('--fix') ? cure : cure + does[repair],
    sources.map(sourceText).join(', '),
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function sourceText({ text, url }: Source): string {
  return url === undefined ? text : `[${text}](${url})`;
}
