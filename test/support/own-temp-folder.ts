import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * For Vitest: a run of the tests has a temporary folder of its own, and fails when something is left in it. Not inside the repository, whose
 * `package.json` and modules would be found from there. What tsx has compiled stays in `.cache` for the next run.
 */
export default function ownTempFolder(): () => void {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'lorary-tests-'));
  const compiled = fileURLToPath(new URL('../../.cache/tsx', import.meta.url));
  mkdirSync(compiled, { recursive: true });
  // as tsx calls it
  const ofTsx = `tsx-${process.geteuid?.() ?? userInfo().username}`;
  symlinkSync(compiled, join(folder, ofTsx), 'junction');
  for (const name of ['TMPDIR', 'TEMP', 'TMP']) process.env[name] = folder;
  return () => {
    const left = readdirSync(folder).filter((name) => name !== ofTsx);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    if (left.length === 0) return;
    console.error(`The tests have left in the temporary folder: ${left.join(', ')}`);
    process.exitCode = 1; // what is thrown here, Vitest tells and forgets
  };
}
