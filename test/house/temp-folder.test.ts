import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const setup = fileURLToPath(new URL('../support/own-temp-folder.ts', import.meta.url));
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const folder = mkdtempSync(join(tmpdir(), 'lorary-left-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A run of one test, whose temporary folder stands in `outer`. */
function runTest(name: string, body: string): { status: number | null; said: string; outer: string } {
  const root = mkdtempSync(join(folder, 'root-'));
  const outer = mkdtempSync(join(folder, 'outer-'));
  writeFileSync(join(root, 'vitest.config.mjs'), `export default { test: { globals: true, globalSetup: [${JSON.stringify(setup)}] } }`); // prettier-ignore
  writeFileSync(join(root, 'one.test.mjs'), `import { mkdtempSync } from 'node:fs'; import { tmpdir } from 'node:os';\ntest('${name}', () => { ${body} })`); // prettier-ignore
  const env = { PATH: process.env['PATH'], TMPDIR: outer };
  const { status, stdout, stderr } = spawnSync(process.execPath, [vitest, 'run', '--root', root], {
    env,
    encoding: 'utf8',
  });
  return { status, said: `${stdout}${stderr}`, outer };
}

test('a run that leaves something in the temporary folder fails and names it, and it does not stay', () => {
  const { status, said, outer } = runTest('leaves', "mkdtempSync(tmpdir() + '/forgotten-')");
  expect([status, said]).toEqual([1, expect.stringMatching(/have left in the temporary folder: forgotten-/)]);
  expect(readdirSync(outer)).toEqual([]);
});

test('a run that leaves nothing passes', () => {
  const { status, said, outer } = runTest('is clean', '');
  expect([status, said]).toEqual([0, expect.stringContaining('1 passed')]);
  expect(readdirSync(outer)).toEqual([]);
});
