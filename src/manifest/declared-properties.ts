/**
 * The properties that an appliance declares, each with the key that importers give it: `network` has
 * become three of them. Descriptor and guest are made from the same list.
 */
import { isReadyMade, type ReadyMade } from './formats/properties.ts';
import type { GuestProperty } from './installation-manifest.ts';
import { usualUser } from './rules.ts';
import type { PropertySetting } from './schema/properties.ts';
import type { Manifest } from './schema.ts';

export interface DeclaredProperty extends GuestProperty {
  readonly label: string;
  readonly description: string;
  readonly category: 'System' | 'Network' | 'Application';
}

/** In the order of the manifest; none when it declares none. */
export function declaredProperties(manifest: PropertiesOf): readonly DeclaredProperty[] {
  return (manifest.properties ?? []).flatMap((item) => {
    const setting: PropertySetting =
      typeof item === 'string' ? { name: item, required: false } : item;
    return isReadyMade(setting.name)
      ? readyMade(setting.name, setting, manifest)
      : [ownProperty(setting)];
  });
}

type PropertiesOf = Pick<Manifest, 'properties' | 'hostname' | 'name' | 'network' | 'users'>;

/** What the guest needs of them; undefined when there are none, so that nothing is said of it. */
export function guestProperties(manifest: PropertiesOf): readonly GuestProperty[] | undefined {
  const declared = declaredProperties(manifest);
  if (declared.length === 0) return undefined;
  return declared.map(({ label: _l, description: _d, category: _c, ...guest }) => guest);
}

/** The environment variable that scripts find it in. */
export function environmentName(key: string): string {
  return `PROPERTY_${key.toUpperCase().replaceAll('-', '_')}`;
}

const LONGEST_HOSTNAME = 64;
const LONGEST_PASSWORD = 511;

function readyMade(
  name: ReadyMade,
  setting: PropertySetting,
  manifest: PropertiesOf,
): readonly DeclaredProperty[] {
  const { required } = setting;
  const user = setting.user ?? usualUser(manifest.users) ?? 'root';
  const shown = (label: string, description: string) => ({
    label: setting.label ?? label,
    description: setting.description ?? description,
  });
  switch (name) {
    case 'hostname':
      return [
        {
          key: 'hostname',
          kind: 'hostname',
          required,
          max: LONGEST_HOSTNAME,
          own: false,
          category: 'System',
          ...shown(
            'Host name',
            `The name of this machine, e.g. shop-1 or shop-1.example.org. Left empty, it is ${manifest.hostname ?? manifest.name}.`,
          ),
        },
      ];
    case 'network':
      return network(setting, manifest);
    case 'ssh-key':
      return [
        {
          key: 'ssh-key',
          kind: 'ssh-key',
          required,
          user,
          own: false,
          category: 'System',
          ...shown(
            `SSH public key of ${user}`,
            `The line of a .pub file, which may then log in as ${user}. Several stand one after the other.`,
          ),
        },
      ];
    case 'password':
      return [
        {
          key: 'password',
          kind: 'password',
          required,
          user,
          min: setting['min-length'],
          max: setting['max-length'] ?? LONGEST_PASSWORD,
          own: false,
          category: 'System',
          ...shown(`Password of ${user}`, `With which ${user} logs in.`),
        },
      ];
  }
}

function network(
  { required, label, description }: PropertySetting,
  { network: usual }: PropertiesOf,
): readonly DeclaredProperty[] {
  const fixed = usual === 'dhcp' ? undefined : usual;
  const titled = (title: string) => (label === undefined ? title : `${label}: ${title}`);
  const common = { own: false, category: 'Network' } as const;
  return [
    {
      key: 'address',
      kind: 'address',
      required,
      default: required ? undefined : (fixed?.address ?? 'dhcp'),
      label: titled('Address'),
      description:
        description ?? 'The address with the length of its network, e.g. 192.168.1.10/24, or dhcp.',
      ...common,
    },
    {
      key: 'gateway',
      kind: 'gateway',
      required: false,
      default: fixed?.gateway,
      label: titled('Gateway'),
      description: 'The router, an address in the same network. Left empty with dhcp.',
      ...common,
    },
    {
      key: 'dns',
      kind: 'dns',
      required: false,
      default: fixed && fixed.dns.length > 0 ? fixed.dns.join(', ') : undefined,
      label: titled('Name servers'),
      description: 'Their addresses, with commas between them.',
      ...common,
    },
  ];
}

function ownProperty(setting: PropertySetting): DeclaredProperty {
  const { name, type = 'string', required, label, description, choices } = setting;
  const given = setting.default;
  return {
    key: name,
    kind: type === 'password' ? 'own-password' : type,
    required,
    default: given === undefined ? unsaid(setting) : String(given),
    min: type === 'int' ? setting.min : setting['min-length'],
    max: type === 'int' ? setting.max : setting['max-length'],
    choices,
    own: true,
    label: label ?? name,
    description: description ?? '',
    category: 'Application',
  };
}

/** A switch that nobody touches is off, as importers show it. */
function unsaid({ type, required }: PropertySetting): string | undefined {
  return type === 'boolean' && !required ? 'false' : undefined;
}
