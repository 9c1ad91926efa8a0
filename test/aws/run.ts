/**
 * `npm run test:aws`: the AWS world on emulators. Takes any server for all services in `AWS_ENDPOINT_URL`, or downloads emulators once (about
 * 550 MB, into `.cache/aws`) and runs everything in a network namespace of its own, without a name server. The last line is `N passed, N failed`; what was counted
 * stands in `aws-report.json`. Arguments name suites, to run some only.
 */
import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UnavailableError } from '../../shared/errors.ts';
import { startEmulators } from './emulators.ts';
import { expectedFailures } from './expected-failures.ts';
import { inNamespace } from './in-namespace.ts';
import { isCi, missingTools, whyMissing } from './missing-tools.ts';
import { places } from './places.ts';
import { prepareEmulators } from './prepare.ts';
import { belowMinimum, summarise, type AwsReport, type TestResults } from './report.ts';
import { endpointsVariable, givenEndpoint, type Endpoints } from './targets.ts';

const suites = process.argv.slice(2).filter((argument) => argument !== insideFlag());
const given = process.env['AWS_ENDPOINT_URL'];
if (given !== undefined && given !== '') await testAgainst(givenEndpoint(given));
else if (process.argv.includes(insideFlag())) await testAgainstOwn();
else await prepareAndEnter();

/** Downloads what is missing, then goes on without a network. */
async function prepareAndEnter(): Promise<void> {
  const missing = await missingTools();
  if (missing.length > 0) {
    console.log(`${isCi() ? 'FAIL' : 'skip'} ${whyMissing(missing)}`);
    console.log(isCi() ? '0 passed, 1 failed' : '0 passed, 0 failed, 1 skipped');
    process.exitCode = isCi() ? 1 : 0;
    return;
  }
  console.log(`Downloads, the first time about 550 MB; their output goes to ${places.log}`);
  try {
    await prepareEmulators();
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    console.log(`skip: ${error.message}\n0 passed, 0 failed, 1 skipped`);
    return;
  }
  const again = [process.execPath, '--import', 'tsx', fileURLToPath(import.meta.url), insideFlag(), ...suites];
  await writeFile(places.hosts, '127.0.0.1 localhost\n');
  const { file, args } = inNamespace(again, places.hosts);
  process.exitCode = await runToEnd(file, args, process.env);
}

async function testAgainstOwn(): Promise<void> {
  const { endpoints, stop } = await startEmulators({ stacks: true });
  try {
    await testAgainst(endpoints);
  } finally {
    await stop();
  }
}

async function testAgainst(endpoints: Endpoints): Promise<void> {
  await rm(places.results, { force: true });
  const vitest = join(places.root, 'node_modules', 'vitest', 'vitest.mjs');
  const config = fileURLToPath(new URL('vitest.config.ts', import.meta.url));
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${places.results}`];
  const { stacks } = endpoints;
  const trust = stacks ? { NODE_EXTRA_CA_CERTS: stacks.certificate } : {};
  const env = { ...process.env, ...trust, [endpointsVariable]: JSON.stringify(endpoints), NODE_NO_WARNINGS: '1' };
  const without = stacks ? [] : ['--exclude', 'test/aws/suites/stacks.ts'];
  const args = [vitest, 'run', '--config', config, ...reporters, ...without, ...suites];
  const status = await runToEnd(process.execPath, args, env);
  const results = JSON.parse(await readFile(places.results, 'utf8')) as TestResults;
  const report = summarise(results, suites.length === 0 ? expectedFailures : {}, endpoints);
  const isWhole = suites.length === 0 && Object.hasOwn(endpoints.table, 'dynamodb-local');
  const below = isWhole ? belowMinimum(report, await readMinimum()) : [];
  await writeFile(places.report, `${JSON.stringify(report, undefined, 2)}\n`);
  for (const [name, counts] of Object.entries(report.emulators))
    console.log(`${name}: ${counts.cases} cases, ${counts.passed} passed, ${counts.expectedFailed} failed as expected`);
  const beside = status !== 0 && report.failed.length === 0 ? ['an error outside of the cases: see above'] : [];
  const problems = [...report.failed, ...below, ...beside];
  for (const problem of problems) console.log(`FAIL ${problem}`);
  const passed = Object.values(report.emulators).reduce((sum, one) => sum + one.passed + one.expectedFailed, 0);
  process.exitCode = problems.length === 0 && passed > 0 ? 0 : 1;
  console.log(`${passed} passed, ${problems.length} failed`);
}

async function readMinimum(): Promise<AwsReport['emulators']> {
  return JSON.parse(await readFile(new URL('report-minimum.json', import.meta.url), 'utf8')) as AwsReport['emulators'];
}

async function runToEnd(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(file, args, { cwd: places.root, stdio: 'inherit', env });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

function insideFlag(): string {
  return '--inside';
}
