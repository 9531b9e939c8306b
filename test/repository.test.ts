/** What the repository promises as a whole: its documents, its dependencies, its cleanness. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ManifestError } from '../src/manifest/problem.ts';
import { parseManifest } from '../src/manifest/read.ts';
import { ROOT, repositoryFiles } from './support/repository-files.ts';

interface PackageManifest {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

interface PackageLock {
  readonly packages: Readonly<Record<string, { readonly engines?: { readonly node?: string } }>>;
}

const manifest: PackageManifest = JSON.parse(read('package.json'));
const documents = repositoryFiles('*.md', 'docs').filter((path) => path.endsWith('.md'));

describe('the documents', () => {
  test('README names the two commands that a newcomer needs', () => {
    const readme = read('README.md');
    expect(readme).toContain('./pvmc build examples/hello');
    expect(readme).toMatch(/^npm test$/m);
  });

  test('every file of docs is linked from another document', () => {
    const linked = new Set(documents.flatMap(linksOf));
    expect(repositoryFiles('docs').filter((path) => !linked.has(path))).toEqual([]);
  });

  test('no link leads nowhere', () => {
    const files = repositoryFiles();
    const there = new Set([...files, ...files.flatMap(foldersOf)]);
    const dead = documents.flatMap((document) =>
      linksOf(document)
        .filter((target) => !there.has(target))
        .map((target) => `${document}: ${target}`),
    );
    expect(dead).toEqual([]);
  });

  test('the changelog has an entry for the version of package.json', () => {
    expect(read('CHANGELOG.md')).toMatch(
      new RegExp(`^## ${manifest.version.replaceAll('.', '\\.')}\\b.*\\n+### \\w+\\n+- `, 'm'),
    );
  });

  test('the manifests in them are right', () => {
    const manifests = documents.flatMap((document) =>
      [...read(document).matchAll(/^```yaml\n(name: .*?)^```$/gms)].map(([, text = '']) => text),
    );
    expect(manifests.length).toBeGreaterThan(0);
    expect(manifests.flatMap(problemsOf)).toEqual([]);
  });

  test('every decision says its context, the choice and the consequence', () => {
    const decisions = repositoryFiles('docs/decisions');
    expect(decisions.length).toBeGreaterThan(0);
    const numbers = decisions.map((path) => Number(/\/(\d{4})-[a-z0-9-]+\.md$/.exec(path)?.[1]));
    expect(numbers).toEqual(decisions.map((_, index) => index + 1));
    for (const path of decisions) {
      const headings = [...read(path).matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
      expect({ path, headings }).toEqual({
        path,
        headings: ['Context', 'Choice', 'Consequence'],
      });
    }
  });
});

describe('the npm packages', () => {
  const pinned = { ...manifest.dependencies, ...manifest.devDependencies };

  test('are pinned to exact versions', () => {
    const loose = Object.entries(pinned).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
    expect(loose).toEqual([]);
  });

  test('each have their line in docs/dependencies.md, and no other package has one', () => {
    const lines = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \|/gm)];
    const named = lines.map(([, name = '']) => name);
    expect(named.sort()).toEqual(Object.keys(pinned).sort());
  });

  test('all run on the oldest Node.js that we promise', () => {
    expect(manifest.engines.node).toBe('>=20.19');
    const lock: PackageLock = JSON.parse(read('package-lock.json'));
    const refusing = Object.entries(lock.packages)
      .map(([path, { engines }]) => ({ path, node: engines?.node ?? '*' }))
      .filter(({ node }) => !node.split('||').some(allowsNode20Point19));
    expect(refusing).toEqual([]);
  });
});

test('no file holds a path of the machine it was made on', () => {
  const paths = [ROOT, homedir()].filter((path) => path !== '/root' && dirname(path) !== path);
  const found = repositoryFiles().flatMap((file) => {
    const text = read(file);
    return paths.filter((path) => text.includes(`${path}/`)).map((path) => `${file}: ${path}`);
  });
  expect(found).toEqual([]);
});

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** What the user would be told about a manifest. */
function problemsOf(text: string): readonly string[] {
  try {
    parseManifest('appliance.yaml', Buffer.from(text));
    return [];
  } catch (thrown) {
    if (thrown instanceof ManifestError) return thrown.details;
    throw thrown;
  }
}

/** The files that a document links to, relative to the repository's root. */
function linksOf(document: string): readonly string[] {
  const targets = [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets
    .filter((target) => !/^([a-z]+:|#)/.test(target))
    .map((target) => normalize(join(dirname(document), target.replace(/#.*/, ''))))
    .map((path) => path.replace(/\/$/, ''));
}

function foldersOf(path: string): readonly string[] {
  const folder = dirname(path);
  return folder === '.' ? [] : [folder, ...foldersOf(folder)];
}

/** For one alternative of an `engines` range, as the packages of our lock file write them. */
function allowsNode20Point19(range: string): boolean {
  const [, operator = '', major = '', minor = '0'] =
    /^\s*(\^|>=|)\s*(\d+)(?:\.(\d+))?/.exec(range) ?? [];
  if (range.trim() === '*') return true;
  const sameMajor = Number(major) === 20;
  const notAbove = Number(major) < 20 || (sameMajor && Number(minor) <= 19);
  return operator === '>=' ? notAbove : sameMajor && notAbove;
}
