import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { functionGroups, type FunctionName } from '../../infra/function-groups.ts';
import { bundleFunction } from '../support/bundle-function.ts';
import { startFunction } from '../support/start-function.ts';

/** Minified bytes: a cold start reads and compiles all of it. */
const bundleBytesMax = 1_600_000;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lorary-bundles-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const names = Object.keys(functionGroups) as FunctionName[];

test.each(names)('%s is small, and made of nothing that a function cannot have', (name) => {
  const { file, inputs } = bundleFunction(folder, `functions/${name}/lambda.ts`, name);
  expect(statSync(file).size).toBeLessThan(bundleBytesMax);
  const foreign = /^(shared\/local|gpu-job|infra|cli|test)\/|node_modules\/(libsql|onnxruntime|tsx|aws-cdk)/;
  expect(inputs.filter((input) => foreign.test(input))).toEqual([]);
});

test('a bundled function starts and refuses a call without a key as the server does', () => {
  const { file } = bundleFunction(folder, 'functions/teams/lambda.ts', 'teams');
  const { answer } = startFunction(file);
  expect(answer).toMatchObject({
    statusCode: 401,
    headers: { 'content-type': 'application/problem+json', 'x-content-type-options': 'nosniff' },
  });
});

test('a bundled function finds the thread that renders chat templates', () => {
  const { file } = bundleFunction(folder, 'test/infra/render-template.ts', 'catalog');
  const output = execFileSync(process.execPath, [file], { encoding: 'utf8' });
  expect(output.trim()).toBe('<user>hello');
});
