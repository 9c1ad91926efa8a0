/**
 * `npm run test:dependencies`: the packages of others. What the lock file, `.npmrc` and `node_modules` say is held to rules, without a
 * network; then the registry is asked for what is known against the packages that users install. The last line is `N passed, N failed`;
 * only where the registry says that it tells nobody is that left out, and counted as skipped.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createReport, demand } from '../support/checks-report.ts';
import { startAdvisoryServer } from './advisory-server.ts';
import { auditDependencies } from './audit.ts';
import { installedFindings } from './installed-findings.ts';
import { lockFindings, type Lock, type Manifest } from './lock-findings.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (name: string): string => readFileSync(join(root, name), 'utf8');
const lock = JSON.parse(read('package-lock.json')) as Lock;
const manifest = JSON.parse(read('package.json')) as Manifest;

const report = createReport();
const none = (findings: readonly string[]): void => demand(findings.length === 0, findings.join('\n'));
const figures = { figures: `${Object.keys(lock.packages).length - 1} packages`, value: undefined };

await report.check(
  'what is locked has a hash, a licence that may be used, no address of its own and no script to run',
  async () => {
    none(lockFindings(lock, manifest, read('.npmrc')));
    return figures;
  },
);
await report.check('what is installed is what is locked, and nothing else', async () => {
  none(installedFindings(lock, root));
  return figures;
});
await report.check('a planted advisory against a package that users install is found', async () => {
  const server = await startAdvisoryServer('hono');
  try {
    const verdict = await auditDependencies(server.url);
    demand(verdict.kind === 'vulnerable', `it is ${verdict.kind}`);
    return { figures: verdict.findings.join('; '), value: undefined };
  } finally {
    server.close();
  }
});

const known = 'nothing is known against the packages that users install';
const verdict = await auditDependencies().catch((error: unknown) => ({ kind: 'failed', error }) as const);
if (verdict.kind === 'not-offered') report.skip([known], verdict.reason);
else
  await report.check(known, async () => {
    if (verdict.kind === 'failed') throw verdict.error;
    none(verdict.kind === 'vulnerable' ? verdict.findings : []);
    return { figures: verdict.kind === 'clean' ? `${verdict.packages} packages` : '', value: undefined };
  });
report.end();
