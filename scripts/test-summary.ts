/**
 * Writes what a test run came to into the file that PVMC_TEST_SUMMARY names: how many tests passed,
 * and which ones failed or were skipped, with the reason. `.ci/run` adds such files up.
 */
import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

export interface TestSummary {
  readonly passed: number;
  /** Full names. */
  readonly failed: readonly string[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
}

/** The reporters for vitest.config.ts: one, or none when nobody wants a summary. */
export function summaryReporters(): Reporter[] {
  const path = process.env['PVMC_TEST_SUMMARY'];
  if (path === undefined) return [];
  return [
    {
      onTestRunEnd(modules, errors) {
        const summary = summarize(modules);
        // An error outside of any test fails the run as well, so it must not go uncounted.
        const outside = errors.map((error) => `outside of any test: ${error.message}`);
        writeFileSync(
          path,
          JSON.stringify({ ...summary, failed: [...summary.failed, ...outside] }),
        );
      },
    },
  ];
}

function summarize(modules: readonly TestModule[]): TestSummary {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const inState = (state: string) => tests.filter((test) => test.result().state === state);
  return {
    passed: inState('passed').length,
    failed: [...inState('failed').map(nameOf), ...modules.flatMap(brokenParts)],
    skipped: inState('skipped').map((test) => ({ name: nameOf(test), reason: reasonOf(test) })),
  };
}

/** Files that could not be loaded and groups whose hooks failed: their tests were never run. */
function brokenParts(module: TestModule): string[] {
  const file = module.relativeModuleId;
  return [
    ...module.errors().map((error) => `${file}: ${error.message}`),
    ...[...module.children.allSuites()].flatMap((suite) =>
      suite.errors().map((error) => `${file} > ${suite.fullName}: ${error.message}`),
    ),
  ];
}

function nameOf(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}`;
}

function reasonOf(test: TestCase): string {
  const result = test.result();
  return (result.state === 'skipped' && result.note) || 'no reason given';
}
