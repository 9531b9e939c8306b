/**
 * The manifest: everything that a user can say about an appliance. This schema is the only source of
 * the TypeScript types, the checks, the JSON Schema for editors and the reference page; the
 * descriptions below are what the latter two show. Sizes come out as bytes.
 */
import { z } from 'zod';
import { EXPORT_FORMAT_NAMES, EXPORT_FORMATS } from './export-formats.ts';
import { oneLine, prose, rule, size, text, unique } from './field.ts';
import { webUrl } from './formats/addresses.ts';
import {
  APPLIANCE_NAME,
  APPLIANCE_VERSION,
  applianceName,
  applianceVersion,
  hostname,
  PACKAGE_NAME,
  packageName,
  unitName,
} from './formats/names.ts';
import { keyboard, LOCALE, locale, timezone } from './formats/regional.ts';
import {
  boxVersionIsUsable,
  budgetCanBeKept,
  propertiesHaveUsers,
  sudoHasPassword,
  sudoIsUsable,
} from './rules.ts';
import { budgetSchema } from './schema/budget.ts';
import { checkSchema } from './schema/checks.ts';
import { fileSchema, scriptSchema } from './schema/files.ts';
import { networkSchema } from './schema/network.ts';
import { propertiesSchema } from './schema/properties.ts';
import { repositorySchema } from './schema/repository.ts';
import { signatureSchema } from './schema/signature.ts';
import { timeoutsSchema } from './schema/timeouts.ts';
import { userSchema } from './schema/users.ts';

const vendorSchema = z.strictObject({
  name: oneLine().meta({ description: 'Who makes the appliance.', examples: ['Example GmbH'] }),
  url: text(webUrl)
    .meta({ description: "The vendor's web page.", examples: ['https://example.org/'] })
    .optional(),
});

const machineSchema = z.strictObject({
  memory: size(
    { least: '512 MiB', most: '1 TiB' },
    { description: 'Memory, with its unit.', examples: ['2 GiB'] },
  ).prefault('1 GiB'),
  cpus: z
    .int()
    .min(1)
    .max(64)
    .meta({ description: 'Number of processors.', examples: [4] })
    .default(2),
  disk: size(
    { least: '2 GiB', most: '2 TiB' },
    {
      description: 'Size of the disk, with its unit. Only what is used takes room in the export.',
      examples: ['20 GiB'],
    },
  ).prefault('8 GiB'),
  firmware: z
    .enum(['bios', 'uefi'])
    .meta({
      description:
        'What the exported machine starts with. The disk itself boots under both, whatever is chosen.',
      examples: ['uefi'],
    })
    .default('bios'),
  network: z
    .enum(['nat', 'none'])
    .meta({
      description: 'The network card of the exported machine: behind NAT, or none at all.',
      examples: ['none'],
    })
    .default('nat'),
});

const servicesSchema = z.record(
  text(unitName),
  z
    .union([z.enum(['on', 'off']), z.boolean()])
    .transform((state) => (state === true ? 'on' : state === false ? 'off' : state)),
);

function formatList(): string {
  return Object.entries(EXPORT_FORMATS)
    .map(([name, purpose]) => `\`${name}\` (${purpose})`)
    .join(', ');
}

export const manifestSchema = z
  .strictObject({
    name: text(applianceName).meta({
      description:
        'The name of the appliance: of its files, its machine and, unless `hostname` says otherwise, its host. ' +
        'Lower-case letters, digits and dashes.',
      pattern: APPLIANCE_NAME.source,
      examples: ['shop'],
    }),
    version: text(applianceVersion).meta({
      description: 'The version of the appliance. A part of the names of its files.',
      pattern: APPLIANCE_VERSION.source,
      examples: ['1.0.0'],
    }),
    description: prose()
      .meta({
        description: 'What the appliance is for. Importers show it.',
        examples: ['The shop, ready to run'],
      })
      .default(''),
    vendor: vendorSchema.meta({ description: 'Who stands behind the appliance.' }).optional(),
    machine: machineSchema
      .meta({ description: 'The virtual machine that users get.' })
      .prefault({}),
    repository: repositorySchema,
    packages: z
      .array(text(packageName).meta({ pattern: PACKAGE_NAME.source }))
      .check(unique('the package'))
      .meta({
        description:
          'Debian packages to install, with all that they depend on. The kernel, the boot loader, systemd, udev and ' +
          'the network need not be listed.',
        examples: [['openssh-server', 'nginx']],
      })
      .default([]),
    recommends: z
      .boolean()
      .meta({
        description: 'Whether packages that others recommend are installed too.',
        examples: [true],
      })
      .default(false),
    hostname: text(hostname)
      .meta({
        description: 'The host name (RFC 1123). Without it, the name of the appliance.',
        examples: ['shop.example.org'],
      })
      .optional(),
    locale: text(locale)
      .meta({
        description: 'Language and character set, as glibc names them.',
        pattern: LOCALE.source,
        examples: ['en_US.UTF-8'],
      })
      .default('C.UTF-8'),
    timezone: text(timezone)
      .meta({ description: 'A time zone of the IANA database.', examples: ['Europe/Berlin'] })
      .default('Etc/UTC'),
    keyboard: text(keyboard)
      .meta({ description: "The console's keyboard layout, as XKB names it.", examples: ['gb'] })
      .default('us'),
    users: z
      .array(userSchema)
      .check(unique('the user', 'name'))
      .meta({
        description: 'People who may log in. The account root is locked unless it is listed.',
      })
      .default([]),
    network: networkSchema,
    services: servicesSchema
      .meta({
        description:
          'Services (systemd units) to start at boot or not, whatever their packages would choose, e.g. ' +
          '`nginx: on` or `apt-daily.timer: off`.',
      })
      .prefault({}),
    files: z
      .array(fileSchema)
      .check(unique('the file', 'path'))
      .meta({
        description:
          'Files to put into the appliance once its packages are installed. They replace what is there. ' +
          'Each has its text as `content`, or comes from beside the manifest as `source`.',
      })
      .default([]),
    scripts: z
      .array(scriptSchema)
      .meta({
        description:
          'Scripts to run as root in the finished but not yet booted system, in this order, after the files are in ' +
          'place. No service is running then. What they print goes to the log; a script that fails ends the build.',
      })
      .default([]),
    properties: propertiesSchema
      .meta({
        description:
          'What users of the appliance may say when they import it, and it does at its first boot: OVF properties. A ' +
          'list of ready-made ones by name, and of your own: see [properties.md](properties.md).',
        examples: [['hostname', 'network', 'ssh-key']],
      })
      .optional(),
    checks: z
      .array(checkSchema)
      .meta({
        description:
          'What must be true of the booted appliance. `pvmc verify` boots the finished export and tries each of them.',
      })
      .default([]),
    exports: z
      .array(z.enum(EXPORT_FORMAT_NAMES))
      .min(1)
      .check(unique('the format'))
      .meta({
        description: `Formats to export, all from one read of the disk: ${formatList()}.`,
        examples: [['ova', 'qcow2']],
      })
      .default(['ova']),
    budget: budgetSchema
      .meta({
        description:
          'How large the appliance may become. A build that goes beyond it fails, names what takes the most space, and ' +
          'leaves the exports of earlier builds as they are.',
        examples: [{ export: '500 MiB' }],
      })
      .optional(),
    signature: signatureSchema
      .meta({
        description:
          'Who signs the exports that are OVF packages (`ova` and its variants, `ovf`): importers show it, and refuse what was changed ' +
          'since. See docs/sign.md.',
        examples: [{ certificate: 'vendor.pem' }],
      })
      .optional(),
    timeouts: timeoutsSchema
      .meta({
        description:
          'Deadlines of the stages of a build, with their units. Those that are not named have defaults that know ' +
          'whether the machine is emulated; `--timeout` on the command line goes before both.',
        examples: [{ construct: '2 h' }],
      })
      .prefault({}),
  })
  .check(rule(sudoIsUsable))
  .check(rule(boxVersionIsUsable))
  .check(rule(budgetCanBeKept))
  .check(rule(sudoHasPassword))
  .check(rule(propertiesHaveUsers))
  .meta({
    title: 'Appliance manifest of pvmc',
    description: 'Everything that can be said about an appliance.',
  });

/** What the user wrote, checked, with the defaults filled in and sizes in bytes. */
export type Manifest = z.output<typeof manifestSchema>;
