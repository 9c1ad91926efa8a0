import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { resultOf } from '../support/lorary-cli.ts';
import { missingTools } from './missing-tools.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-tools-'));
});
afterEach(() => rm(folder, { recursive: true }));

const withJava = async (words: string): Promise<NodeJS.ProcessEnv> => {
  await writeFile(join(folder, 'java'), `#!/bin/sh\necho '${words}' >&2\n`);
  await chmod(join(folder, 'java'), 0o755);
  return { PATH: folder };
};

test('a Java that is not there, is too old or says nothing of itself is missing', async () => {
  const java = ['Java 17 or newer'] as const;
  expect(await missingTools(java, { PATH: folder })).toEqual(java);
  expect(await missingTools(java, await withJava('openjdk version "11.0.2" 2019-01-15'))).toEqual(java);
  expect(await missingTools(java, await withJava('java version "1.8.0_202"'))).toEqual(java);
  expect(await missingTools(java, await withJava('no version'))).toEqual(java);
  expect(await missingTools(java, await withJava('openjdk version "17" 2021-09-14'))).toEqual([]);
  expect(await missingTools(java, await withJava('openjdk version "21.0.1" 2023-10-17'))).toEqual([]);
});

/** Lines that a program of this repository ends with on a machine without any of the tools. */
async function linesOf(args: readonly string[], environment: NodeJS.ProcessEnv) {
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const env = { ...environment, PATH: folder, NODE_NO_WARNINGS: '1' };
  const { code, out } = await resultOf(
    spawn(process.execPath, ['--import', 'tsx', ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  return { code, lines: out.trimEnd().split('\n') };
}

test('without them test:aws is left out, and in CI fails with the reason', async () => {
  const reason = expect.stringMatching(/there is no Python 3, no Java 17 or newer, .* on this machine/) as string;
  const here = await linesOf(['test/aws/run.ts'], {});
  expect(here).toEqual({ code: 0, lines: [reason, '0 passed, 0 failed, 1 skipped'] });
  expect(here.lines[0]).toMatch(/^skip/);
  const ci = await linesOf(['test/aws/run.ts'], { CI: 'true' });
  expect(ci).toEqual({ code: 1, lines: [reason, '0 passed, 1 failed'] });
  expect(ci.lines[0]).toMatch(/^FAIL/);
});

test('without Java a check of test:security is left out, and in CI fails with the reason', async () => {
  const program = `
    import { createReport } from './test/support/checks-report.ts';
    const report = createReport();
    await report.lack(['races on DynamoDB'], 'there is no Java');
    report.end();`;
  const args = ['--input-type=module', '--eval', program];
  expect(await linesOf(args, {})).toEqual({
    code: 0,
    lines: ['  skip  races on DynamoDB: there is no Java', '0 passed, 0 failed, 1 skipped'],
  });
  expect(await linesOf(args, { CI: 'true' })).toEqual({
    code: 1,
    lines: ['  FAIL  races on DynamoDB', '        there is no Java', '0 passed, 1 failed'],
  });
});
