import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { expect, test } from 'vitest';
import { workflowFindings } from './workflow-findings.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, '.github', 'workflows');
const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
const [ci, deploy] = [await read('ci.yml'), await read('deploy.yml')];

test.each([
  ['npm run check', 'npm run chek', /check: package\.json has no script "chek"/],
  ['[demo,', '[demos,', /suites: package\.json has no script "demos"/],
  ['npm test', 'npm start-it', /no script "start-it"/],
  [/@3d3c42e5\w+ # v7\.0\.1/, '@v7', /actions\/checkout@v7 is not named by its commit/],
  [/ # v7\.0\.1/g, '', /has no version beside it/],
  ['contents: read', 'contents: write', /may only read contents/],
  ['  pull_request:', '  pull_request_target:', /a stranger wrote/],
  ['    timeout-minutes: 15\n', '', /check: has no timeout/],
  [/ {8}with:\n {10}persist-credentials: false\n/, '', /checkout leaves its token/],
  ['npm run check', 'echo "${{ github.event.pull_request.title }}"', /becomes part of a command/],
  ['    runs-on', '    permissions:\n      id-token: write\n    runs-on', /check: may write id-token, and nothing/],
] as const)('ci.yml with %s changed to "%s" is found', (from, to, expected) => {
  const changed = ci.replace(from, to);
  expect(changed).not.toBe(ci);
  expect(workflowFindings(changed, { root, scripts }).join('\n')).toMatch(expected);
});

test.each([
  ['npx cdk', 'npx cdkk', /diff: no dependency brings a command "cdkk"/],
  [
    'uses: ./.github/workflows/ci.yml',
    'uses: ./.github/workflows/gone.yml',
    /there is no \.\/\.github\/workflows\/gone\.yml/,
  ],
  ['node cli/lorary.js', 'node cli/lorari.js', /deploy: there is no cli\/lorari\.js/],
] as const)('deploy.yml with "%s" changed to "%s" is found', (from, to, expected) => {
  const changed = deploy.replace(from, to);
  expect(changed).not.toBe(deploy);
  expect(workflowFindings(changed, { root, scripts }).join('\n')).toMatch(expected);
});

test('every workflow is clean', async () => {
  const names = await readdir(folder);
  expect(names.toSorted()).toEqual(['ci.yml', 'deploy.yml']);
  for (const name of names) expect(workflowFindings(await read(name), { root, scripts })).toEqual([]);
});

interface Deploy {
  readonly jobs: Readonly<
    Record<string, { needs?: string[]; environment?: string; strategy?: Record<string, unknown> }>
  >;
}

test('the tests run on each version of Node that is promised, and a stage is deployed after them, one at a time', () => {
  const { jobs } = parse(ci) as { jobs: { test: { strategy: { matrix: { node: number[] } } } } };
  expect(jobs.test.strategy.matrix.node).toEqual([20, 22, 24]);
  const { deploy: job } = (parse(deploy) as Deploy).jobs;
  expect(job).toMatchObject({
    needs: ['ci', 'image'],
    // what the deploy role trusts
    environment: '${{ matrix.stage }}',
    strategy: { 'max-parallel': 1, 'fail-fast': true },
  });
});
