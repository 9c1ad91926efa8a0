import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Subject } from './command.ts';
import { folderOrName, worksOn } from './folder-or-name.ts';

let folder = '';
const before = process.cwd();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-names-'));
  await mkdir(join(folder, 'tiny'));
  await writeFile(join(folder, 'tiny', 'config.json'), '{}');
  await mkdir(join(folder, 'empty'));
  process.chdir(folder);
});
afterAll(async () => {
  process.chdir(before);
  await rm(folder, { recursive: true });
});

const base = (text: string): Subject => ({ text, file: 'config.json' });
const adapter = (text: string): Subject => ({ text, file: 'adapter_config.json' });

test('folders and names in one call are refused, with the way from each to the other', () => {
  expect(() => worksOn([base('./tiny'), adapter('french')])).toThrow(/lorary pull french.*lorary push FOLDER/s);
});

test('a slash makes a folder, whatever is there', () => {
  for (const text of ['./french', 'models/french', '/french', 'a\\b', '.', '..', 'french/'])
    expect(folderOrName(base(text)), text).toBe('folder');
});

test('a word is a folder only where one with the right file is here', () => {
  expect(folderOrName(base('tiny'))).toBe('folder');
  expect(folderOrName(adapter('tiny'))).toBe('name');
  expect(folderOrName(base('empty'))).toBe('name');
  expect(folderOrName(base('tiny@latest'))).toBe('name');
  for (const text of ['french', 'french@3', 'french@production']) expect(folderOrName(adapter(text))).toBe('name');
});

test('what cannot be a name is a folder, so that the message is about that folder', () => {
  for (const text of ['French', 'a b', 'a@', '@3']) expect(folderOrName(adapter(text)), text).toBe('folder');
});

test('a call that names nothing works on folders', () => {
  expect(worksOn([])).toBe('folders');
  expect(worksOn([base('tiny')])).toBe('folders');
  expect(worksOn([base('other'), adapter('french@2')])).toBe('names');
});
