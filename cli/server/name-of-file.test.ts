import { expect, test } from 'vitest';
import { nameField } from '../../shared/contract/fields.ts';
import { nameOfFile } from './name-of-file.ts';

test('a file of which nothing can stay has no name', () => {
  for (const path of ['', '/', '....', '日本.jsonl']) expect(nameOfFile(path), path).toBeUndefined();
});

test('a name is made from the last part of a path', () => {
  expect(nameOfFile('data/My Rows (2).jsonl')).toBe('my-rows-2');
  expect(nameOfFile('/a/Café.jsonl')).toBe('cafe');
  expect(nameOfFile('models/SmolLM2-135M')).toBe('smollm2-135m');
  expect(nameOfFile('x--y..z/')).toBe('x-y.z');
  expect(nameOfFile('model.Q8_0.gguf')).toBe('model.q8_0');
  for (const path of ['a'.repeat(300), `${'a'.repeat(95)}-b`])
    expect(nameField.safeParse(nameOfFile(path)).success).toBe(true);
});
