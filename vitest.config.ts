import { defineConfig } from 'vitest/config';
import { summaryReporters } from './scripts/test-summary.ts';

/** `unit` never boots a machine; `machine` builds and boots real ones and takes minutes. */
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
      {
        test: {
          name: 'machine',
          include: ['test/machine/**/*.test.ts'],
          globalSetup: ['test/support/run-folder.ts'],
          testTimeout: 3_000_000,
          hookTimeout: 3_000_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
