import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../shared/limits.ts';
import { readJsonFile, readTextFile, writeFileAtomic, writeFolderAtomic } from './files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'files-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('readTextFile and readJsonFile', () => {
  it('refuse a file one byte past the limit, text that is not UTF-8, and broken JSON', async () => {
    const path = join(folder, 'a.json');
    await writeFile(path, '');
    await truncate(path, limits.jsonFileBytesMax + 1);
    await expect(readTextFile(path)).rejects.toMatchObject({ code: 'file-too-large' });
    await truncate(path, limits.jsonFileBytesMax);
    expect((await readTextFile(path)).length).toBe(limits.jsonFileBytesMax);
    await writeFile(path, Uint8Array.of(0xff));
    await expect(readTextFile(path)).rejects.toMatchObject({ code: 'not-utf8' });
    await writeFile(path, '{"a":');
    await expect(readJsonFile(path)).rejects.toMatchObject({ code: 'not-json' });
    await writeFile(path, '{"a":1}');
    expect(await readJsonFile(path)).toEqual({ a: 1 });
  });
});

describe('writeFileAtomic', () => {
  it('leaves the old content and nothing else when writing fails half-way', async () => {
    const path = join(folder, 'a');
    await writeFileAtomic(path, 'old');
    const failing = writeFileAtomic(path, async (sink) => {
      await sink.write(Uint8Array.of(1, 2, 3));
      throw new Error('disk on fire');
    });
    await expect(failing).rejects.toThrow('disk on fire');
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['a']);
  });

  it('does not show the new content before it is complete', async () => {
    const path = join(folder, 'a');
    await writeFileAtomic(path, 'old');
    await writeFileAtomic(path, async (sink) => {
      await sink.write(new TextEncoder().encode('new '));
      expect(await readFile(path, 'utf8')).toBe('old');
      await sink.write(new TextEncoder().encode('content'));
    });
    expect(await readFile(path, 'utf8')).toBe('new content');
    expect(await readdir(folder)).toEqual(['a']);
  });
});

describe('writeFolderAtomic', () => {
  it('refuses to write over a folder with content, or over a file', async () => {
    const path = join(folder, 'out');
    await writeFolderAtomic(path, fillWith('1'));
    await expect(writeFolderAtomic(path, fillWith('2'))).rejects.toMatchObject({ code: 'folder-exists' });
    await expect(writeFolderAtomic(join(path, 'f'), fillWith('2'))).rejects.toMatchObject({ code: 'folder-exists' });
    expect(await readFile(join(path, 'f'), 'utf8')).toBe('1');
  });

  it('leaves nothing, or the old folder, when filling fails half-way', async () => {
    const path = join(folder, 'out');
    await expect(writeFolderAtomic(path, fail)).rejects.toThrow('stopped');
    expect(await readdir(folder)).toEqual([]);
    await writeFolderAtomic(path, fillWith('1'));
    await expect(writeFolderAtomic(path, fail, { replace: true })).rejects.toThrow('stopped');
    expect(await readdir(folder)).toEqual(['out']);
    expect(await readFile(join(path, 'f'), 'utf8')).toBe('1');
  });

  it('takes an empty folder, creates parents, and replaces when asked', async () => {
    await mkdir(join(folder, 'empty'));
    await writeFolderAtomic(join(folder, 'empty'), fillWith('1'));
    await writeFolderAtomic(join(folder, 'x', 'y'), fillWith('1'));
    await writeFolderAtomic(join(folder, 'x', 'y'), fillWith('2'), { replace: true });
    expect(await readFile(join(folder, 'x', 'y', 'f'), 'utf8')).toBe('2');
    expect((await readdir(folder)).toSorted()).toEqual(['empty', 'x']);
    expect(await readdir(join(folder, 'x'))).toEqual(['y']);
  });
});

function fillWith(text: string): (temporary: string) => Promise<void> {
  return (temporary) => writeFile(join(temporary, 'f'), text);
}

async function fail(temporary: string): Promise<void> {
  await writeFile(join(temporary, 'f'), 'half');
  throw new Error('stopped');
}
