import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { config, explainedCodes, healthy } from '../../test/support/adapter-case.ts';
import { memoryFiles, safetensorsBytes, sha256 } from '../../test/support/memory-adapter.ts';
import { bytesSource } from '../formats/bytes.ts';
import { validateAdapter } from './validate-adapter.ts';

test('a source that fails is no fault of the adapter', async () => {
  const files = memoryFiles(config, await safetensorsBytes(healthy));
  const weights = { ...bytesSource(new Uint8Array(999), 'w'), read: () => Promise.reject(new Error('cable')) };
  await expect(validateAdapter({ ...files, weights }, { newHash: sha256 })).rejects.toThrow('cable');
});

test('docs/validation.md explains no finding that there is not', () => {
  const root = new URL('../../', import.meta.url);
  const source = ['shared/domain', 'shared/validation', 'shared/methods', 'shared/formats', 'shared/hub', 'cli/check']
    .flatMap((room) => readdirSync(new URL(room, root)).map((name) => `${room}/${name}`))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => readFileSync(new URL(path, root), 'utf8'))
    .join('\n');
  expect(explainedCodes().filter((code) => !source.includes(`'${code}'`))).toEqual([]);
});
