import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The suites need emulators, which `run.ts` starts: they are no part of `npm test`. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/aws/suites/*.ts'],
    exclude: ['test/aws/suites/case-tests.ts'],
    globalSetup: ['test/support/own-temp-folder.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
