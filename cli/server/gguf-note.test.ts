import { expect, test } from 'vitest';
import { ggufNote } from './gguf-note.ts';

test('what becomes of the weights of a GGUF file is said, and how to have it otherwise', () => {
  expect(ggufNote('models/a.Q4_0.GGUF', undefined)).toMatch(/unpacked to float32.*To keep the blocks: --quantize gguf/);
  expect(ggufNote('a.gguf', 'gguf')).toMatch(/blocks of the GGUF file are kept.*leave out --quantize gguf/);
  expect(ggufNote('a.gguf', 'nf4')).toMatch(/packed again as nf4.*--quantize gguf/);
  expect(ggufNote('models/folder', undefined)).toBeUndefined();
});
