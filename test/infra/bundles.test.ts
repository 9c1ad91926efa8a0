import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundling } from '../../infra/constructs/api-function.ts';
import { threadsOf } from '../../infra/constructs/threads.ts';
import { functionGroups, type FunctionName } from '../../infra/function-groups.ts';

/** Minified bytes: a cold start reads and compiles all of it. */
const bundleBytesMax = 1_600_000;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lorary-bundles-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Bundles as the construct has the CDK do it, in one go for all functions. Returns the file and what went into it. */
function bundle(entry: string, name: FunctionName): { readonly file: string; readonly inputs: string[] } {
  const { target, minify, keepNames, mainFields, banner, define, commandHooks } = { ...bundling, ...threadsOf(name) };
  const out = join(folder, entry.replaceAll('/', '-'));
  const file = join(out, 'index.mjs');
  const metafile = join(folder, 'meta.json');
  execFileSync('node_modules/.bin/esbuild', [
    entry,
    '--bundle',
    '--platform=node',
    '--format=esm',
    `--target=${target}`,
    ...(minify ? ['--minify'] : []),
    ...(keepNames ? ['--keep-names'] : []),
    `--main-fields=${(mainFields ?? []).join(',')}`,
    `--banner:js=${banner}`,
    ...Object.entries(define ?? {}).map(([from, to]) => `--define:${from}=${to}`),
    '--log-level=warning',
    `--metafile=${metafile}`,
    `--outfile=${file}`,
  ]);
  for (const command of [commandHooks?.afterBundling(resolve('.'), out).join(' && ') ?? 'true'])
    execFileSync('sh', ['-c', command]);
  return { file, inputs: Object.keys((JSON.parse(readFileSync(metafile, 'utf8')) as { inputs: object }).inputs) };
}

const names = Object.keys(functionGroups) as FunctionName[];

test.each(names)('%s is small, and made of nothing that a function cannot have', (name) => {
  const { file, inputs } = bundle(`functions/${name}/lambda.ts`, name);
  expect(statSync(file).size).toBeLessThan(bundleBytesMax);
  const foreign = /^(shared\/local|gpu-job|infra|cli|test)\/|node_modules\/(libsql|onnxruntime|tsx|aws-cdk)/;
  expect(inputs.filter((input) => foreign.test(input))).toEqual([]);
});

test('a bundled function starts and refuses a call without a key as the server does', async () => {
  const { file } = bundle('functions/teams/lambda.ts', 'teams');
  const event = {
    version: '2.0',
    rawPath: '/v1/me',
    rawQueryString: '',
    headers: { host: 'example.org' },
    isBase64Encoded: false,
    body: null,
    requestContext: { http: { method: 'GET' }, domainName: 'example.org' },
  };
  const call = `const { handler } = await import(${JSON.stringify(pathToFileURL(file).href)});
    console.log(JSON.stringify(await handler(${JSON.stringify(event)}, {})));`;
  const env = {
    ...process.env,
    LORARY_TABLE: 'none',
    LORARY_BUCKET: 'none',
    LORARY_EVENT_BUS: 'none',
    AWS_REGION: 'us-east-1',
    POWERTOOLS_METRICS_NAMESPACE: 'lorary',
    POWERTOOLS_SERVICE_NAME: 'teams',
  };
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', call], { env, encoding: 'utf8' });
  const answer = JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
  expect(answer).toMatchObject({ statusCode: 401, headers: { 'content-type': 'application/problem+json' } });
  expect(answer['headers']).toMatchObject({ 'x-content-type-options': 'nosniff' });
});

test('a bundled function finds the thread that renders chat templates', () => {
  const { file } = bundle('test/infra/render-template.ts', 'catalog');
  const output = execFileSync(process.execPath, [file], { encoding: 'utf8' });
  expect(output.trim()).toBe('<user>hello');
});
