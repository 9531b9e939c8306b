import { defineConfig } from 'vitest/config';
import { summaryReporters } from './scripts/test-summary.ts';

/**
 * `unit` never boots a machine; `machine` builds and boots real ones and takes minutes, `faults` breaks
 * them on purpose, `virtualbox` runs them in VirtualBox without its kernel driver, `reproducible` builds twice.
 */
export default defineConfig({
  test: {
    // By default one processor is left idle.
    maxWorkers: '100%',
    reporters: ['default', ...summaryReporters()],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'test/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      machines('machine', ['test/machine/*.test.ts'], ['test/machine/virtualbox-*']),
      machines('faults', ['test/machine/faults.test.ts', 'test/machine/faults/*.test.ts']),
      machines('virtualbox', ['test/machine/virtualbox-*.test.ts']),
      machines('reproducible', ['test/machine/reproducible/*.test.ts']),
    ],
  },
});

/** Tests with real machines, one file after the other. */
function machines(name: string, include: string[], exclude: string[] = []) {
  return {
    test: {
      name,
      include,
      exclude,
      globalSetup: ['test/support/run-folder.ts'],
      testTimeout: 3_000_000,
      hookTimeout: 3_000_000,
      fileParallelism: false,
    },
  };
}
