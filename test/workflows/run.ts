/**
 * `npm run test:workflows`: actionlint over every workflow. Built once from its Go module, into `.cache/actionlint`. The last line is
 * `N passed, N failed`; without Go or its module proxy nothing is checked, and it says so.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UnavailableError } from '../../shared/errors.ts';
import { runCommand } from '../real/command.ts';
import { atomically, attemptDownload, exists } from '../support/downloads.ts';

const version = 'v1.7.12';
const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(root, '.cache');
const tool = join(cache, 'actionlint', 'actionlint');

try {
  await mkdir(cache, { recursive: true });
  if (!(await exists(tool)))
    await attemptDownload('there is no Go, or its module proxy does not answer', () =>
      atomically(join(cache, 'actionlint'), (folder) =>
        runCommand('go', ['install', `github.com/rhysd/actionlint/cmd/actionlint@${version}`], {
          env: { GOBIN: folder, GOFLAGS: '-buildvcs=false' },
          log: join(cache, 'actionlint.log'),
        }),
      ),
    );
  const names = await readdir(join(root, '.github', 'workflows'));
  const paths = names.map((name) => join('.github', 'workflows', name));
  // a fault first: a linter that finds nothing proves nothing
  const planted =
    'on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n      - run: echo ${{ github.nothing }}\n';
  const seen = spawnSync(tool, ['-'], { cwd: root, input: planted, encoding: 'utf8' });
  const results = [
    { name: 'a planted fault is found', ok: seen.status === 1, output: seen.stdout },
    ...paths.map((name) => {
      const { status, stdout, stderr } = spawnSync(tool, [name], { cwd: root, encoding: 'utf8' });
      return { name, ok: status === 0, output: `${stdout}${stderr}` };
    }),
  ];
  for (const { name, ok, output } of results) console.log(ok ? `  ok    ${name}` : `  FAIL  ${name}\n${output}`);
  const failed = results.filter(({ ok }) => !ok).length;
  process.exitCode = failed === 0 ? 0 : 1;
  console.log(`${results.length - failed} passed, ${failed} failed`);
} catch (error) {
  if (!(error instanceof UnavailableError)) throw error;
  console.log(`skip: ${error.message}\n0 passed, 0 failed, 1 skipped`);
}
