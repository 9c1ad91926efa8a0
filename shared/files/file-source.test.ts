import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileSource } from './file-source.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'files-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('openFileSource', () => {
  it('refuses a missing file and a folder by name', async () => {
    await expect(openFileSource(join(folder, 'none'))).rejects.toMatchObject({ code: 'file-missing' });
    await expect(openFileSource(folder)).rejects.toThrow(/is not a file/);
  });

  it('refuses reads outside the file, and says when the file shrank meanwhile', async () => {
    const path = join(folder, 'a');
    await writeFile(path, 'abcdef');
    const source = await openFileSource(path);
    await expect(source.read(4, 3)).rejects.toThrow(RangeError);
    await expect(source.read(-1, 1)).rejects.toThrow(RangeError);
    expect(Buffer.from(await source.read(2, 3)).toString()).toBe('cde');
    await truncate(path, 3);
    await expect(source.read(2, 3)).rejects.toMatchObject({ code: 'file-changed' });
    await source.close();
  });
});
