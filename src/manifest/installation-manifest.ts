/**
 * The installation manifest: the manifest's resolved, validated form that travels on the medium. The
 * guest needs nothing else to build the appliance, apart from the repository's package files.
 */
import type { Manifest } from './schema.ts';

/** Changes when a constructor could no longer read an older installation manifest, or a newer one. */
export const INSTALLATION_MANIFEST_VERSION = 1;

export interface InstallationManifest {
  readonly version: typeof INSTALLATION_MANIFEST_VERSION;
  /** The version of pvmc that wrote it. */
  readonly pvmc: string;
  readonly appliance: Manifest;
  /** Seconds since 1970: no file of the appliance is younger, and all that is random derives from the manifest. */
  readonly sourceDateEpoch: number;
  readonly packages: readonly ResolvedPackage[];
  readonly identifiers: Identifiers;
  readonly files: readonly PayloadFile[];
  readonly scripts: readonly PayloadScript[];
  /** The apt sources that the appliance keeps, as deb822 text, with the keyrings they name. */
  readonly aptSources: { readonly text: string; readonly keyrings: readonly PayloadKeyring[] };
  /** What the appliance asks its users for at its first boot; left out when that is nothing. */
  readonly properties?: readonly GuestProperty[] | undefined;
}

/**
 * All that the steps up to `install` depend on, and are given: what they make can be taken up again by
 * whoever has the same. What is configured later, and who the appliance is, is not among it.
 */
export interface InstallInputs
  extends Pick<InstallationManifest, 'version' | 'sourceDateEpoch' | 'packages'> {
  readonly appliance: { readonly machine: Pick<Manifest['machine'], 'disk'> };
}

/** All that can reach the appliance's disk, and that the steps are given: no description, no checks. */
export interface DiskInputs
  extends Omit<InstallationManifest, 'pvmc' | 'appliance'>,
    Omit<InstallInputs, 'appliance'> {
  readonly appliance: InstallInputs['appliance'] & Pick<Manifest, DiskSettings>;
}

type DiskSettings =
  | 'name'
  | 'hostname'
  | 'locale'
  | 'timezone'
  | 'keyboard'
  | 'network'
  | 'users'
  | 'services';

export interface ResolvedPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Where the file is fetched from. */
  readonly url: string;
  readonly sizeBytes: number;
  /** Pinned through the repository's signed index when the manifest was resolved. */
  readonly sha256: string;
  readonly installedBytes: number;
  /** Batches are installed one after the other; 0 is the essential system. See repository/batches.ts. */
  readonly batch: number;
}

/** Everything that other tools draw at random, derived from the manifest instead (RFC 9562 UUIDs). */
export interface Identifiers {
  readonly diskGuid: string;
  readonly biosBootGuid: string;
  readonly espGuid: string;
  readonly rootPartitionGuid: string;
  readonly rootUuid: string;
  readonly rootHashSeed: string;
  /** FAT volume serial number, eight hexadecimal digits. */
  readonly espSerial: string;
}

/** A file for the appliance. `payload` is its path on the medium, relative to the installation manifest. */
export interface PayloadFile {
  readonly path: string;
  readonly payload: string;
  readonly owner: string;
  /** Four octal digits. */
  readonly mode: string;
}

export interface PayloadScript {
  readonly name: string;
  readonly payload: string;
}

export interface PayloadKeyring {
  /** Path in the appliance. */
  readonly path: string;
  readonly payload: string;
}

/** What the guest is told of a property: nothing that only importers show. */
export interface GuestProperty {
  readonly key: string;
  readonly kind:
    | 'hostname'
    | 'address'
    | 'gateway'
    | 'dns'
    | 'ssh-key'
    | 'password'
    | 'string'
    | 'boolean'
    | 'int'
    | 'own-password';
  /** What it is when nobody gives a value. */
  readonly default?: string | undefined;
  readonly required: boolean;
  /** Whose key or password. */
  readonly user?: string | undefined;
  /** `int`: of its value. `string` and passwords: of the number of characters. */
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly choices?: readonly string[] | undefined;
  /** Whether it is the manifest's own: then scripts get it. */
  readonly own: boolean;
}
