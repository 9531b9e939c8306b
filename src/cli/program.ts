/**
 * What the command line needs from the rest of the program. `main.ts` wires the pipeline's functions
 * in; the tests of the command line wire a small stand-in that emits the same kinds of events.
 */
import type { BuildOptions } from '../pipeline/build-options.ts';
import type { ShownBuild, ShowRequest } from '../pipeline/build-space.ts';
import type { CheckOptions, CheckReport } from '../pipeline/check.ts';
import type { CleanOptions, CleanReport } from '../pipeline/clean.ts';
import type { DiagnoseOptions, DiagnoseResult, DiagnoseSession } from '../pipeline/diagnose.ts';
import type { DiffRequest, DiffResult } from '../pipeline/diff.ts';
import type { Diagnosis, DoctorOptions } from '../pipeline/doctor.ts';
import type { BuildResult, Emit, FileRequest } from '../pipeline/events.ts';
import type { ImportedMachine, ImportOptions } from '../pipeline/import.ts';
import type { IsoOptions, IsoResult } from '../pipeline/iso.ts';
import type { KeptBuild, KeptVerification } from '../pipeline/kept-builds.ts';
import type { LintOptions, LintResult } from '../pipeline/lint-file.ts';
import type { ListedStage } from '../pipeline/listed-stages.ts';
import type { Plan, PlanOptions } from '../pipeline/plan.ts';
import type { SignOptions, SignResult } from '../pipeline/sign-file.ts';
import type { VerifyOptions } from '../pipeline/verify-file.ts';
import type { VerifyReport } from '../verify/report.ts';

export interface Program {
  readonly version: string;
  buildAppliance(options: BuildOptions, emit: Emit, signal: AbortSignal): Promise<BuildResult>;
  buildIso(options: IsoOptions, emit: Emit, signal: AbortSignal): Promise<IsoResult>;
  checkManifest(request: FileRequest<CheckOptions>): Promise<CheckReport>;
  planBuild(request: FileRequest<PlanOptions>): Promise<Plan>;
  diagnoseComputer(options: DoctorOptions, signal: AbortSignal): Promise<Diagnosis>;
  verifyFile(request: FileRequest<VerifyOptions>): Promise<VerifyReport>;
  importAppliance(request: FileRequest<ImportOptions>): Promise<ImportedMachine>;
  lintAppliance(request: FileRequest<LintOptions>): Promise<LintResult>;
  signFile(request: FileRequest<SignOptions>): Promise<SignResult>;
  diffAppliances(request: DiffRequest): Promise<DiffResult>;
  keptBuilds(outputFolder: string): Promise<readonly (KeptBuild | KeptVerification)[]>;
  showBuild(request: ShowRequest): Promise<ShownBuild>;
  diagnoseBuild(options: DiagnoseOptions, session: DiagnoseSession): Promise<DiagnoseResult>;
  cleanBuilds(options: CleanOptions, signal: AbortSignal): Promise<CleanReport>;
  listedStages(): readonly ListedStage[];
  /** The text of a first manifest that will lie in that folder, an absolute path. */
  manifestTemplate(folder: string): string;
  manifestJsonSchema(): unknown;
}
