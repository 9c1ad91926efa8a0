import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Adapter } from '../../shared/contract/adapters.ts';
import { openCliWorld } from '../support/lorary-cli.ts';
import { writeTinyAdapter } from '../support/tiny-adapter.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const npm = (folder: string, ...args: string[]): Promise<{ stdout: string }> =>
  promisify(execFile)('npm', args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 });

/** Whether `npm install` has a chance: everything that is installed comes from there. */
const reachable = await npm(repository, 'ping').then(
  () => true,
  () => false,
);

let folder = '';
beforeAll(async () => {
  await mkdir(join(repository, '.cache'), { recursive: true });
  folder = await mkdtemp(join(repository, '.cache', 'packed-'));
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));

test.skipIf(!reachable)(
  'the package, installed into an empty folder, serves, trains and keeps adapters',
  async () => {
    await npm(repository, 'pack', '--silent', '--pack-destination', folder);
    const [packed = ''] = await readdir(folder);
    const app = join(folder, 'app');
    await mkdir(app);
    await writeFile(join(app, 'package.json'), '{"private":true}');
    // another project's settings, which must not matter
    await writeFile(join(app, 'tsconfig.json'), '{"compilerOptions":{"paths":{"node:*":["./nowhere/*"]}}}');
    await npm(app, 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', join('..', packed));

    const installed = join(app, 'node_modules', 'lorary');
    const names = await readdir(installed, { recursive: true });
    expect(names.filter((name) => name.endsWith('.test.ts') || name.startsWith('test'))).toEqual([]);
    expect((await npm(app, 'exec', '--offline', '--', 'lorary', '--help')).stdout).toContain('lorary COMMAND --help');

    const cli = await openCliWorld(join(installed, 'cli', 'lorary.js'), app);
    try {
      await writeTinyAdapter(join(app, 'french'), { seed: 1 });
      expect(await cli.run(['push', 'french', '--base', 'tiny'])).toMatchObject({ code: 0 });
      await writeFile(join(app, 'rows.jsonl'), '{"prompt":"Once upon","completion":" a time."}\n'.repeat(8));
      const trained = await cli.run(['train', '--base', 'tiny', '--data', 'rows.jsonl', '--steps', '2']);
      expect(trained).toMatchObject({ code: 0 });
      const { adapters } = await cli.json<{ adapters: Adapter[] }>(['ls']);
      expect(adapters.map(({ name, versions }) => [name, versions])).toEqual([
        ['french', 1],
        ['rows', 1],
      ]);
    } finally {
      await cli.close();
    }
  },
  600_000,
);
