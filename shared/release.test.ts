import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { release } from './release.ts';

test('the release is that of package.json', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  expect(release).toBe(version);
});
