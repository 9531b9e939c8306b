/** `repository`: where packages come from. */
import { z } from 'zod';
import { type Complaint, rule, text, unique } from '../field.ts';
import { repositoryUrl } from '../formats/addresses.ts';
import { component } from '../formats/names.ts';
import { hostPath } from '../formats/paths.ts';
import { quote } from '../quote.ts';
import { componentsFitSuite } from '../rules.ts';
import { didYouMean } from '../suggest.ts';

const DEBIAN_SECURITY = 'http://deb.debian.org/debian-security';

const SUITES = ['trixie', 'forky', 'sid'] as const;

/** Other names of suites, by what they stand for at the time of trixie. */
const SUITE_ALIASES: ReadonlyMap<string, string> = new Map([
  ['stable', 'trixie'],
  ['testing', 'forky'],
  ['unstable', 'sid'],
  ['debian13', 'trixie'],
  ['13', 'trixie'],
]);

const TOO_OLD = new Set(['bookworm', 'bullseye', 'buster', 'oldstable', 'oldoldstable']);

/** Why a suite is refused. The reason matters more than the list: people will try bookworm. */
function suiteComplaint(suite: string): Complaint {
  const alias = SUITE_ALIASES.get(suite);
  if (alias !== undefined) {
    return {
      message: `${quote(suite)} is another release as time goes by, so it cannot say what is built`,
      hint: `did you mean ${alias}?`,
    };
  }
  if (TOO_OLD.has(suite)) {
    return {
      message: `${quote(suite)} is too old: verify hands its checks to the appliance as systemd credentials, which takes systemd 256`,
      hint: 'write trixie, forky or sid',
    };
  }
  return {
    message: `${quote(suite)} is not a suite that pvmc can build; it knows trixie, forky and sid`,
    hint:
      didYouMean(suite, SUITES) ??
      'other suites lack systemd 256, whose credentials verify needs, or were never tried',
  };
}

const extraSchema = z
  .strictObject({
    url: text(repositoryUrl).meta({
      description: 'The URL above `dists`.',
      examples: ['https://packages.example.org/debian'],
    }),
    suite: text((value) =>
      /^[A-Za-z0-9.][A-Za-z0-9+._/-]*$/.test(value) && !value.includes('..')
        ? undefined
        : { message: `${quote(value)} is not a suite of a repository` },
    ).meta({
      description:
        'The suite; for a repository without suites, its folder with a slash at the end.',
      examples: ['trixie'],
    }),
    components: z
      .array(text(component))
      .check(unique('the component'))
      .meta({ description: 'Its components; none with a folder.', examples: [['main']] })
      .default([]),
    key: text(hostPath).meta({
      description:
        "The file with the repository's OpenPGP public key, armored or not, relative to the manifest.",
      examples: ['keys/example.asc'],
    }),
  })
  .check(rule(componentsFitSuite));

export const repositorySchema = z
  .strictObject({
    suite: z
      .string()
      .meta({
        description: 'The Debian release to install.',
        enum: [...SUITES],
        examples: ['forky'],
      })
      .transform((name, context) => {
        const suite = SUITES.find((known) => known === name);
        if (suite !== undefined) return suite;
        const { message, hint } = suiteComplaint(name);
        context.addIssue({ code: 'custom', message, params: { hint } });
        return z.NEVER;
      })
      .prefault('trixie'),
    mirror: text(repositoryUrl)
      .meta({
        description:
          "The URL of Debian's archive. With trixie the PVMC ISO's own system comes from it, too.",
        examples: ['https://ftp.de.debian.org/debian'],
      })
      .default('http://deb.debian.org/debian'),
    components: z
      .array(text(component))
      .min(1)
      .check(unique('the component'))
      .meta({
        description: 'Parts of the archive to use.',
        examples: [['main', 'contrib', 'non-free-firmware']],
      })
      .default(['main']),
    security: z
      .union([text(repositoryUrl), z.literal(false)])
      .meta({
        description:
          'The URL of the archive with security updates, or `false` for none. Left out with sid, which has no such archive.',
        default: DEBIAN_SECURITY,
        examples: [false],
      })
      .optional(),
    updates: z
      .boolean()
      .meta({
        description: 'Whether to use the suite of updates between point releases. sid has none.',
        default: true,
        examples: [false],
      })
      .optional(),
    extra: z.array(extraSchema).meta({ description: 'Further repositories.' }).default([]),
  })
  .transform(({ security, updates, ...rest }) => ({
    ...rest,
    security: security ?? (rest.suite === 'sid' ? (false as const) : DEBIAN_SECURITY),
    updates: updates ?? rest.suite !== 'sid',
  }))
  .meta({ description: 'Where the packages come from. All of it is checked against signatures.' })
  .prefault({});
