/** `pvmc plan`: what a build would do. Nothing is built; only the package lists are fetched. */
import { FORMATS } from '../appliance/formats/formats.ts';
import { STEPS } from '../constructor/construct.ts';
import { BIOS_BOOT_MIB, ESP_MIB } from '../constructor/steps/partition.ts';
import type { InstallationManifest } from '../manifest/installation-manifest.ts';
import type { Manifest } from '../manifest/schema.ts';
import { SUITE } from '../media/packages.ts';
import type { Resolution } from '../repository/resolve.ts';
import { counted } from '../system/counted.ts';
import { formatSize } from '../system/size.ts';
import { budgetLine } from './budget.ts';
import { cacheFolder } from './cache-folder.ts';
import { eventProgress } from './event-progress.ts';
import { type FileRequest, STAGES, type StageName } from './events.ts';
import { baseMirror } from './media-stage.ts';
import { baseName } from './placed-files.ts';
import {
  installationManifest,
  type ReadAppliance,
  readAppliance,
  resolveAppliance,
} from './prepare.ts';
import { sourceDateEpoch } from './source-date-epoch.ts';

export interface PlannedPartition {
  readonly number: number;
  readonly name: string;
  readonly sizeBytes: number;
  /** What it holds: `ext4`, `vfat`, `BIOS boot code`. */
  readonly content: string;
  readonly mountPoint?: string | undefined;
}

export interface PlannedStep {
  readonly title: string;
  /** The substance of what will be done, one line each. */
  readonly details: readonly string[];
}

export interface PlannedStage {
  readonly stage: StageName;
  readonly title: string;
  readonly steps: readonly PlannedStep[];
}

export interface Plan {
  readonly appliance: string;
  readonly version: string;
  readonly stages: readonly PlannedStage[];
  readonly partitions: readonly PlannedPartition[];
}

export interface PlanOptions {
  readonly cacheFolder?: string | undefined;
}

/** @throws ManifestError with all the problems; PvmcError when the repository is at fault. */
export async function planBuild(request: FileRequest<PlanOptions>): Promise<Plan> {
  const { path, options, emit, signal } = request;
  const appliance = await readAppliance(path);
  const cache = cacheFolder(options.cacheFolder);
  const resolution = await resolveAppliance(appliance, cache, eventProgress(emit, signal));
  return planOf(appliance, resolution, sourceDateEpoch());
}

/** The plan when everything is known. */
export function planOf(appliance: ReadAppliance, resolution: Resolution, epoch: number): Plan {
  const { manifest } = appliance.file;
  const installation = installationManifest(appliance, resolution, epoch);
  const steps = stepsOf({ manifest, resolution, installation });
  return {
    appliance: manifest.name,
    version: manifest.version,
    stages: STAGES.map(({ name, title }) => ({ stage: name, title, steps: steps[name] })),
    partitions: partitionsOf(manifest.machine.disk),
  };
}

interface Known {
  readonly manifest: Manifest;
  readonly resolution: Resolution;
  readonly installation: InstallationManifest;
}

function stepsOf(known: Known): Readonly<Record<StageName, readonly PlannedStep[]>> {
  const { manifest, installation } = known;
  return {
    media: mediaSteps(known),
    machine: [{ title: 'Create the machine', details: machineDetails(manifest) }],
    start: [
      {
        title: 'Power on',
        details: ['boots the PVMC ISO; the second serial line is the link to the constructor'],
      },
    ],
    boot: [
      {
        title: 'Wait for the constructor',
        details: ['the medium’s kernel, its network, then the constructor’s first word'],
      },
    ],
    construct: constructSteps(installation),
    export: exportSteps(manifest),
    verify: verifySteps(manifest),
  };
}

function exportSteps(manifest: Manifest): PlannedStep[] {
  const { signature, exports, budget } = manifest;
  const signing = signature ? 'signed' : 'unsigned';
  const exportLine = [budgetLine(budget, 'export') ?? []].flat();
  const dataLine = budgetLine(budget, 'disk-data');
  const measured =
    dataLine === undefined ? [] : [{ title: 'Measure the data on the disk', details: [dataLine] }];
  const written = exports.map((format) => {
    const { fileNames, details, isSigned } = FORMATS[format];
    const by =
      isSigned && signature ? [`signed, with the certificate ${signature.certificate}`] : [];
    return {
      title: `Write ${fileNames(baseName(manifest), signing).join(', ')}`,
      details: [...details, ...by, ...exportLine],
    };
  });
  return [...measured, ...written];
}

function mediaSteps({ manifest, resolution }: Known): PlannedStep[] {
  const { packageCount, downloadBytes, installedBytes } = resolution.totals;
  const { mirror, suite } = manifest.repository;
  return [
    {
      title: 'Resolve the packages',
      details: [
        `${counted(packageCount, 'package')} of ${mirror} ${suite}: ${formatSize(downloadBytes)} to fetch, ${formatSize(installedBytes)} installed`,
      ],
    },
    {
      title: 'Prepare the medium’s system',
      details: [
        `mmdebstrap of ${baseMirror(manifest)} ${SUITE}, and sqfstar, unless the cache has it`,
      ],
    },
    { title: 'Write the ISO', details: [`xorriso: ${baseName(manifest)}.iso`] },
  ];
}

function machineDetails({ machine }: Manifest): string[] {
  const { memory, cpus, disk, firmware, network } = machine;
  return [
    `${formatSize(memory)} of memory, ${counted(cpus, 'processor')}, an empty disk of ${formatSize(disk)}`,
    `firmware ${firmware}, network nat: the packages come through it`,
    `the exported machine has network ${network}`,
  ];
}

/** Some have nothing to do, without scripts for instance. */
function constructSteps(installation: InstallationManifest): PlannedStep[] {
  return STEPS.map((step) => ({ title: step.title, details: step.plan(installation) })).filter(
    ({ details }) => details.length > 0,
  );
}

function verifySteps({ checks, exports }: Manifest): PlannedStep[] {
  const listed = checks.map((check) => {
    if ('command' in check) return `command: ${check.command.trim().split('\n')[0] ?? ''}`;
    return 'port' in check ? `port ${check.port}` : `GET ${check.http}`;
  });
  const boot = ['a throw-away copy of the disk, without the ISO, until the system says it is up'];
  const hasOva = exports.some((format) => FORMATS[format].proof.type === 'ova');
  const packaged = hasOva ? 'OVA' : exports.includes('ovf') ? 'OVF' : undefined;
  const readBack = packaged
    ? {
        title: `Read the ${packaged} back`,
        details: ['digests, descriptor against the DMTF’s schema, every grain of the disk'],
      }
    : { title: 'Unpack the disk', details: [`of the export ${exports[0] ?? ''}`] };
  return [
    readBack,
    { title: 'Boot under BIOS', details: [...boot, ...listed] },
    { title: 'Boot under UEFI', details: ['the same'] },
  ];
}

const MIB = 2 ** 20;

/** As `partition` makes them; the last one ends before the copy of the table at the disk's end. */
function partitionsOf(diskBytes: number): PlannedPartition[] {
  const rootBytes = diskBytes - (1 + BIOS_BOOT_MIB + ESP_MIB + 1) * MIB;
  return [
    { number: 1, name: 'bios', sizeBytes: BIOS_BOOT_MIB * MIB, content: 'GRUB’s core for BIOS' },
    {
      number: 2,
      name: 'esp',
      sizeBytes: ESP_MIB * MIB,
      content: 'vfat, EFI system partition',
      mountPoint: '/boot/efi',
    },
    { number: 3, name: 'root', sizeBytes: rootBytes, content: 'ext4', mountPoint: '/' },
  ];
}
