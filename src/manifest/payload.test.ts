import { chmod, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run } from '../system/run.ts';
import { readPayload } from './payload.ts';
import { manifestError, readManifest } from './read.ts';

let outer: string;
let folder: string;

beforeEach(async () => {
  outer = await mkdtemp(join(tmpdir(), 'pvmc-payload-'));
  folder = join(outer, 'shop');
  await mkdir(folder);
});

afterEach(async () => {
  await rm(outer, { recursive: true });
});

async function put(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const target = join(folder, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, content);
  await chmod(target, mode);
}

async function payloadOf(lines: string) {
  await put('appliance.yaml', `name: shop\nversion: "1.0"\n${lines}\n`);
  const file = await readManifest(folder);
  return { file, ...(await readPayload(file)) };
}

/** What a user sees, without the folder that the test made. */
async function complaints(lines: string): Promise<string> {
  const { file, problems } = await payloadOf(lines);
  if (problems.length === 0) return 'nothing is wrong';
  return manifestError(file, problems).details.join('\n').replaceAll(`${outer}/`, '');
}

describe('files', () => {
  test('from the manifest itself', async () => {
    const { payload } = await payloadOf(
      'files:\n  - {path: /etc/motd, content: Hello, mode: "600"}',
    );
    expect(payload.files).toEqual([
      {
        path: '/etc/motd',
        content: { kind: 'inline', text: 'Hello' },
        owner: 'root:root',
        mode: '0600',
      },
    ]);
  });

  test('a folder: in sorted order, executable files stay so, links within are followed', async () => {
    await put('site/b.html', 'b');
    await put('site/a/run.sh', '#!/bin/sh\n', 0o755);
    await put('site/B.html', 'B');
    await put('shared.css', 'body {}');
    await symlink('../shared.css', join(folder, 'site/style.css'));
    const { payload, problems } = await payloadOf(
      'files:\n  - {path: /var/www/html, source: site, owner: "www-data:www-data"}',
    );
    expect(problems).toEqual([]);
    expect(payload.files.map(({ path, mode }) => `${mode} ${path}`)).toEqual([
      '0644 /var/www/html/B.html',
      '0755 /var/www/html/a/run.sh',
      '0644 /var/www/html/b.html',
      '0644 /var/www/html/style.css',
    ]);
    expect(payload.files[3]?.content).toEqual({
      kind: 'file',
      hostPath: join(folder, 'shared.css'),
      sizeBytes: 7,
    });
  });

  test('an absolute source may be anywhere', async () => {
    await writeFile(join(outer, 'motd'), 'Hello');
    const { payload } = await payloadOf(`files:\n  - {path: /etc/motd, source: ${outer}/motd}`);
    expect(payload.files[0]?.content).toMatchObject({ hostPath: join(outer, 'motd') });
  });

  test('that are not there', async () => {
    await put('motd.txt', 'Hello');
    expect(
      await complaints(
        'files:\n  - {path: /etc/motd, source: motd.text}\n  - {path: /etc/issue, source: elsewhere/issue}',
      ),
    ).toMatchInlineSnapshot(`
      "shop/appliance.yaml:4:31: files[0].source: there is no "motd.text"
        4 |   - {path: /etc/motd, source: motd.text}
          |                               ^
        hint: did you mean motd.txt?

      shop/appliance.yaml:5:32: files[1].source: there is no "elsewhere/issue"
        5 |   - {path: /etc/issue, source: elsewhere/issue}
          |                                ^
        hint: paths are relative to the manifest's folder"
    `);
  });

  test('that lead out of the folder', async () => {
    await writeFile(join(outer, 'secret'), 'x');
    await symlink('../secret', join(folder, 'link'));
    expect(
      await complaints('files:\n  - {path: /a, source: ../secret}\n  - {path: /b, source: link}'),
    ).toMatchInlineSnapshot(`
      "shop/appliance.yaml:4:24: files[0].source: "../secret" leads out of the manifest's folder
        4 |   - {path: /a, source: ../secret}
          |                        ^
        hint: copy it there, or write an absolute path

      shop/appliance.yaml:5:24: files[1].source: "link" leads out of the manifest's folder
        5 |   - {path: /b, source: link}
          |                        ^
        hint: copy it there, or write an absolute path"
    `);
  });

  test('folders with links that lead nowhere, out, or in a circle', async () => {
    await mkdir(join(folder, 'site'));
    await writeFile(join(outer, 'secret'), 'x');
    await symlink('nothing', join(folder, 'site/1'));
    await symlink('../../secret', join(folder, 'site/2'));
    await symlink('.', join(folder, 'site/3'));
    await run(['mkfifo', join(folder, 'site/4')]);
    expect(await complaints('files:\n  - {path: /var/www, source: site}')).toMatchInlineSnapshot(`
      "shop/appliance.yaml:4:30: files[0].source: "site/1" is a link that leads nowhere
        4 |   - {path: /var/www, source: site}
          |                              ^

      shop/appliance.yaml:4:30: files[0].source: "site/2" is a link that leads out of the manifest's folder
        4 |   - {path: /var/www, source: site}
          |                              ^

      shop/appliance.yaml:4:30: files[0].source: "site/3" is a link to a folder that it is in
        4 |   - {path: /var/www, source: site}
          |                              ^

      shop/appliance.yaml:4:30: files[0].source: "site/4" is neither a file nor a folder
        4 |   - {path: /var/www, source: site}
          |                              ^"
    `);
  });

  test('an empty folder', async () => {
    await mkdir(join(folder, 'site'));
    expect(await complaints('files:\n  - {path: /var/www, source: site}')).toMatchInlineSnapshot(`
      "shop/appliance.yaml:4:30: files[0].source: "site" is a folder with no file in it
        4 |   - {path: /var/www, source: site}
          |                              ^"
    `);
  });

  test('a file of more than 4 GiB', async () => {
    await put('huge', '');
    await truncate(join(folder, 'huge'), 2 ** 32);
    expect(await complaints('files:\n  - {path: /huge, source: huge}')).toMatchInlineSnapshot(`
      "shop/appliance.yaml:4:27: files[0].source: "huge" is too large (4 GiB); a file on the medium has less than 4 GiB
        4 |   - {path: /huge, source: huge}
          |                           ^"
    `);
  });

  test('that want the same place', async () => {
    await put('site/index.html', 'x');
    expect(
      await complaints(
        'files:\n  - {path: /var/www, source: site}\n  - {path: /var/www/index.html, content: y}\n  - {path: /var/www/index.html/x, content: z}',
      ),
    ).toMatchInlineSnapshot(`
      "shop/appliance.yaml:5:12: files[1].path: "/var/www/index.html" comes from files[0] too
        5 |   - {path: /var/www/index.html, content: y}
          |            ^

      shop/appliance.yaml:6:12: files[2].path: "/var/www/index.html/x" is below "/var/www/index.html", which files[0] makes a file
        6 |   - {path: /var/www/index.html/x, content: z}
          |            ^"
    `);
  });
});

describe('scripts', () => {
  test('inline ones get an interpreter, files keep theirs', async () => {
    await put('setup.sh', '#!/bin/bash\ntrue\n');
    const { payload, problems } = await payloadOf(
      'scripts:\n  - {run: echo hello}\n  - {name: Perl, run: "#!/usr/bin/perl\\nprint 1;"}\n  - {file: setup.sh}',
    );
    expect(problems).toEqual([]);
    expect(payload.scripts).toEqual([
      { name: 'script 1', content: { kind: 'inline', text: '#!/bin/sh -e\necho hello' } },
      { name: 'Perl', content: { kind: 'inline', text: '#!/usr/bin/perl\nprint 1;' } },
      {
        name: 'setup.sh',
        content: { kind: 'file', hostPath: join(folder, 'setup.sh'), sizeBytes: 17 },
      },
    ]);
  });

  test('without an interpreter, from Windows, and folders', async () => {
    await put('bare.sh', 'echo hello\n');
    await put('windows.sh', '#!/bin/sh\r\necho hello\r\n');
    await mkdir(join(folder, 'scripts'));
    await put('scripts/x', '');
    expect(
      await complaints('scripts:\n  - file: bare.sh\n  - file: windows.sh\n  - file: scripts'),
    ).toMatchInlineSnapshot(`
      "shop/appliance.yaml:4:11: scripts[0].file: "bare.sh" does not begin with a #! line
        4 |   - file: bare.sh
          |           ^
        hint: write #!/bin/sh -e on its first line, say

      shop/appliance.yaml:5:11: scripts[1].file: "windows.sh" has the line ends of Windows, which no interpreter understands
        5 |   - file: windows.sh
          |           ^
        hint: convert it with: sed -i 's/\\r$//' windows.sh

      shop/appliance.yaml:6:11: scripts[2].file: "scripts" is a folder, not a file
        6 |   - file: scripts
          |           ^"
    `);
  });
});

describe('repository keys', () => {
  const repository = (key: string) =>
    `repository:\n  extra:\n    - {url: "https://example.org/debian", suite: trixie, components: [main], key: ${key}}`;

  /** A key as gpg makes it, in the forms that people have it in. */
  async function makeKeys(): Promise<void> {
    const gpg = ['gpg', '--homedir', outer, '--batch', '--quiet', '--yes'];
    await run([...gpg, '--passphrase', '', '--quick-generate-key', 'test@example.org', 'ed25519']);
    const to = (name: string) => ['--output', join(folder, name)];
    await run([...gpg, ...to('public.asc'), '--armor', '--export']);
    await run([...gpg, ...to('public.gpg'), '--export']);
    await run([...gpg, ...to('private.asc'), '--armor', '--export-secret-keys']);
    await run([...gpg, ...to('private.gpg'), '--export-secret-keys']);
    await put('text', 'x');
    await run([...gpg, ...to('signature.gpg'), '--detach-sign', join(folder, 'text')]);
    await run(['gpgconf', '--homedir', outer, '--kill', 'all']);
  }

  test('public ones, armored or not, and all else', async () => {
    await makeKeys();
    for (const key of ['public.asc', 'public.gpg']) {
      const { payload, problems } = await payloadOf(repository(key));
      expect(problems).toEqual([]);
      expect(payload.keys).toEqual([{ index: 0, hostPath: join(folder, key) }]);
    }
    await put('cut.asc', '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ\n');
    await put('empty.asc', '');
    const wrong = ['private.asc', 'private.gpg', 'signature.gpg', 'cut.asc', 'empty.asc', 'text'];
    const all = [];
    for (const key of wrong) all.push(await complaints(repository(key)));
    const shown = all.join('\n').split('\n');
    expect(
      shown.filter((line) => /problem|hint|appliance/.test(line)).join('\n'),
    ).toMatchInlineSnapshot(`
      "shop/appliance.yaml:5:83: repository.extra[0].key: "private.asc" is a PRIVATE key, which must never be beside a manifest
        hint: take it away, and if others could see it, replace it; write the public key with: gpg --export --armor NAME > FILE
      shop/appliance.yaml:5:83: repository.extra[0].key: "private.gpg" is a PRIVATE key, which must never be beside a manifest
        hint: take it away, and if others could see it, replace it; write the public key with: gpg --export --armor NAME > FILE
      shop/appliance.yaml:5:83: repository.extra[0].key: "signature.gpg" is a signature, not a key
        hint: write the public key with: gpg --export --armor NAME > FILE
      shop/appliance.yaml:5:83: repository.extra[0].key: "cut.asc" is not a whole OpenPGP key: its armor has no end
        hint: write the public key with: gpg --export --armor NAME > FILE
      shop/appliance.yaml:5:83: repository.extra[0].key: "empty.asc" is empty
        hint: write the public key with: gpg --export --armor NAME > FILE
      shop/appliance.yaml:5:83: repository.extra[0].key: "text" is not an OpenPGP public key
        hint: write the public key with: gpg --export --armor NAME > FILE"
    `);
  });
});

describe('the certificate of whoever signs', () => {
  test('is found beside the manifest, and its key is not looked for', async () => {
    await put('keys/vendor.pem', 'a certificate');
    const lines = 'signature: { certificate: keys/vendor.pem, key: /nowhere/vendor.key }';
    const { payload, problems } = await payloadOf(lines);
    expect(problems).toEqual([]);
    expect(payload.signature).toEqual({
      certificatePath: join(folder, 'keys/vendor.pem'),
      chainPath: undefined,
    });
  });

  test('is complained about when it is not there', async () => {
    expect(
      await complaints('signature: { certificate: vendor.pem, chain: ../chain.pem }'),
    ).toMatchInlineSnapshot(`
      "shop/appliance.yaml:3:27: signature.certificate: there is no "vendor.pem"
        3 | signature: { certificate: vendor.pem, chain: ../chain.pem }
          |                           ^
        hint: paths are relative to the manifest's folder

      shop/appliance.yaml:3:46: signature.chain: there is no "../chain.pem"
        3 | signature: { certificate: vendor.pem, chain: ../chain.pem }
          |                                              ^
        hint: paths are relative to the manifest's folder"
    `);
  });
});
