/**
 * `npm run check`: everything about the source that needs no run of the product. All checks run, all findings are shown, and the
 * last line is `N passed, N failed`.
 */
import { spawnSync } from 'node:child_process';
import { apiDrift } from './api-reference.ts';
import { findDrift } from './cli-reference.ts';
import { overlongFiles } from './overlong-files.ts';

interface Check {
  readonly name: string;
  readonly run: () => Outcome | Promise<Outcome>;
}

interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

const tool = (name: string, command: string, ...args: string[]): Check => ({
  name,
  run() {
    const { status, stdout, stderr } = spawnSync(process.execPath, [`node_modules/${command}`, ...args], {
      encoding: 'utf8',
    });
    return { ok: status === 0, output: `${stdout}${stderr}` };
  },
});

const sources = ['shared', 'functions', 'gpu-job', 'infra', 'cli', 'test', 'bench', 'examples'];

const checks: readonly Check[] = [
  tool('format', 'prettier/bin/prettier.cjs', '--check', '--cache', '.'),
  tool(
    'types',
    'typescript/bin/tsc',
    '--project',
    '.',
    '--incremental',
    '--tsBuildInfoFile',
    'node_modules/.cache/types.tsbuildinfo',
  ),
  tool('lint', 'oxlint/bin/oxlint', '--type-aware', '--deny-warnings'),
  tool('arrows', 'dependency-cruiser/bin/dependency-cruise.mjs', '--config', '.dependency-cruiser.cjs', ...sources),
  tool('unused', 'knip/bin/knip.js', '--no-progress'),
  {
    name: 'file length',
    run() {
      const found = overlongFiles(process.cwd());
      return { ok: found.length === 0, output: found.join('\n') };
    },
  },
  {
    name: 'API reference',
    async run() {
      const found = await apiDrift();
      return { ok: found.length === 0, output: found.join('\n') };
    },
  },
  {
    name: 'command line reference',
    async run() {
      const found = await findDrift();
      return { ok: found.length === 0, output: found.join('\n') };
    },
  },
];

let failed = 0;
for (const { name, run } of checks) {
  const started = performance.now();
  const { ok, output } = await run();
  if (!ok) failed += 1;
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  if (!ok) console.log(output.trim());
}
console.log(`${checks.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
