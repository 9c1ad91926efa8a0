import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { overlongFiles } from './overlong-files.ts';

test('a file of 400 lines is accepted and one of 401 is named', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lorary-lines-'));
  writeFileSync(join(folder, 'long.ts'), '\n'.repeat(400));
  writeFileSync(join(folder, 'long.test.ts'), '\n'.repeat(400));
  expect(overlongFiles(folder)).toEqual([]);
  writeFileSync(join(folder, 'long.ts'), '\n'.repeat(401));
  writeFileSync(join(folder, 'long.test.ts'), '\n'.repeat(401));
  expect(overlongFiles(folder).map((line) => line.split(':')[0])).toEqual(['long.test.ts', 'long.ts']);
  rmSync(folder, { recursive: true });
});
