import { execFileSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';

export interface StartedFunction {
  /** What it answers an HTTP call without a key, or an event that is about nothing. */
  readonly answer: unknown;
  readonly importMilliseconds: number;
  readonly firstMilliseconds: number;
}

/**
 * Starts a bundled function in a process of its own and calls it once, with what none has to ask AWS for: `GET /v1/me` without a key, which
 * a function that works on events takes for an event of someone else.
 */
export function startFunction(file: string): StartedFunction {
  const program = `
    const started = performance.now();
    const { handler } = await import(${JSON.stringify(pathToFileURL(file).href)});
    const imported = performance.now();
    const answer = (await handler(${JSON.stringify(event)}, {})) ?? null;
    const firstMilliseconds = performance.now() - imported;
    console.log(JSON.stringify({ answer, importMilliseconds: imported - started, firstMilliseconds }));`;
  return run(program) as StartedFunction; // printed above
}

/** Milliseconds that importing it takes, in a process of its own. */
export function importFunction(file: string): number {
  const program = `
    const started = performance.now();
    await import(${JSON.stringify(pathToFileURL(file).href)});
    console.log(JSON.stringify(performance.now() - started));`;
  return run(program) as number; // printed above
}

function run(program: string): unknown {
  const output = execFileSync(process.execPath, ['--no-warnings', '--input-type=module', '-e', program], {
    env: environment,
    encoding: 'utf8',
  });
  return JSON.parse(output.trim().split('\n').at(-1) ?? '');
}

const event = {
  version: '2.0',
  rawPath: '/v1/me',
  rawQueryString: '',
  headers: { host: 'example.org' },
  isBase64Encoded: false,
  body: null,
  requestContext: { http: { method: 'GET' }, domainName: 'example.org' },
  detail: {},
};

/** Names of things that are not there, and no credentials: whatever asks AWS fails. */
const environment = {
  PATH: process.env['PATH'],
  LORARY_TABLE: 'none',
  LORARY_BUCKET: 'none',
  LORARY_EVENT_BUS: 'none',
  AWS_REGION: 'us-east-1',
  AWS_EC2_METADATA_DISABLED: 'true',
  POWERTOOLS_METRICS_NAMESPACE: 'lorary',
  POWERTOOLS_SERVICE_NAME: 'none',
};
