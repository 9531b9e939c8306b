/**
 * What went into a disk, as one word: the same key, the same disk. Host and guest compute the same, so a
 * disk that was half made for one installation manifest is known to serve another one.
 */
import { derivedDigest, derivedUuid } from '../system/identity.ts';
import type { DiskInputs, InstallInputs } from './installation-manifest.ts';

/**
 * The key of what the steps up to `install` leave on the disk, in hexadecimal digits. Where a package is
 * fetched from is no part of it, since its SHA-256 says what comes.
 */
export function installKey(inputs: InstallInputs): string {
  return digest('install', installed(inputs));
}

/** The UUID of the scratch file system that belongs to that key. */
export function scratchUuid(inputs: InstallInputs): string {
  return derivedUuid('scratch', installKey(inputs));
}

/**
 * The key of all that the installation manifest brings to the disk. The contents of its files, scripts
 * and keyrings lie beside it and are not part of this key.
 */
export function diskKey(inputs: DiskInputs): string {
  const { appliance, identifiers, files, scripts, aptSources, properties } = inputs;
  const { name, hostname, locale, timezone, keyboard, network, users, services } = appliance;
  const below = installed(inputs);
  const { machine } = below.appliance;
  const settings: Record<keyof DiskInputs['appliance'], unknown> = {
    machine,
    name,
    hostname,
    locale,
    timezone,
    keyboard,
    network,
    users,
    services,
  };
  const configured: Record<keyof DiskInputs, unknown> = {
    ...below,
    appliance: settings,
    identifiers,
    files,
    scripts,
    aptSources,
    // Undefined, it is no part of the text that the key is made of.
    properties,
  };
  return digest('disk', configured);
}

/** Their order counts: dpkg takes them in this one. */
function installed({ version, appliance, sourceDateEpoch, packages }: InstallInputs) {
  return {
    version,
    appliance: { machine: { disk: appliance.machine.disk } },
    sourceDateEpoch,
    packages: packages.map(({ name, architecture, sha256, batch }) => ({
      name,
      architecture,
      sha256,
      batch,
    })),
  } satisfies Record<keyof InstallInputs, unknown>;
}

function digest(what: string, inputs: object): string {
  return derivedDigest(what, JSON.stringify(inputs)).toString('hex');
}
