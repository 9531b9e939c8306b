// Writes what the last run of the fault tests has seen into docs/reliability.md, between its marks.
//
// usage: npm run reliability
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const outcomesFolder = join(root, 'fault-outcomes');
const page = join(root, 'docs/reliability.md');

/** Faults whose whole terminal output is shown. */
const SHOWN = [
  'the disk of the output folder has too little room for a build',
  'the guest’s kernel panics',
  'the constructor is stuck',
  'a script of the manifest fails',
  'Ctrl-C while packages are fetched',
];

/** What every build's folder holds. */
const ALWAYS = ['appliance.yaml', 'build.json', 'build.log'];

const HEAD =
  '| fault | when | what the user saw | seconds | left in the build’s folder | resumed |\n' +
  '|---|---|---|---|---|---|\n';

/** @typedef {import('../test/machine/faults/outcome.ts').Outcome} Outcome */

const outcomes = readdirSync(outcomesFolder)
  .map(
    (name) => /** @type {Outcome} */ (JSON.parse(readFileSync(join(outcomesFolder, name), 'utf8'))),
  )
  .sort((a, b) => a.index - b.index);

const text = [
  ['table', table()],
  ['screens', screens()],
].reduce(
  (written, [name = '', content = '']) =>
    written.replace(
      new RegExp(`(<!-- ${name} -->\n).*(<!-- /${name} -->)`, 's'),
      (_, start, end) => `${start}${content}${end}`,
    ),
  readFileSync(page, 'utf8'),
);
writeFileSync(page, text);
console.log(`${outcomes.length} faults`);

function table() {
  const groups = [...new Set(outcomes.map(({ group }) => group))];
  return groups
    .map((group) => {
      const rows = outcomes.filter((outcome) => outcome.group === group).map(row);
      return `\n### ${group[0]?.toUpperCase()}${group.slice(1)}\n\n${HEAD}${rows.join('')}`;
    })
    .join('')
    .concat('\n');
}

/** @param {Outcome} outcome */
function row({ fault, when, saw, code, seconds, left, resumed }) {
  const sentence = saw === '' ? '' : `${saw}${code === '' ? '' : ` (\`${code}\`)`}`;
  const kept = left.filter((name) => !ALWAYS.includes(name)).map((name) => `\`${name}\``);
  const cells = [fault, when, sentence, seconds.toFixed(1), kept.join(' '), resumed];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
}

function screens() {
  return SHOWN.map((name) => {
    const outcome = outcomes.find(({ fault }) => fault === name);
    if (!outcome) return '';
    return `\n### ${name[0]?.toUpperCase()}${name.slice(1)}\n\n\`\`\`text\n${outcome.screen.trim()}\n\`\`\`\n`;
  })
    .join('')
    .concat('\n');
}
