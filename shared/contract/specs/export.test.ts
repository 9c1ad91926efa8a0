import { describe, expect, it } from 'vitest';
import { DomainError } from '../../errors.ts';
import { exportDtype } from './export.ts';
import { parseSpec } from './parse-spec.ts';

const given = (more: object): object => ({ kind: 'export', output: 'out', ...more });

function findings(more: object): string[] {
  try {
    parseSpec(given(more));
    return [];
  } catch (error) {
    if (error instanceof DomainError) return error.findings.map(({ where }) => where ?? '');
    throw error;
  }
}

describe('an export spec', () => {
  it.each<[string, object, string[]]>([
    ['another format', { format: 'onnx', adapter: 'a' }, ['format']],
    ['an adapter format without an adapter', { format: 'flattened' }, ['adapter']],
    [
      'GGUF without a base, all at once',
      { format: 'gguf', dtype: 'q8_0', fillLayers: true },
      ['adapter', 'base', 'fillLayers', 'dtype'],
    ],
    ['a base that nothing is done with', { format: 'peft', adapter: 'a', base: 'b', dtype: 'f16' }, ['base', 'dtype']],
    ['layers to fill that no one knows', { format: 'flattened', adapter: 'a', fillLayers: true }, ['base']],
    ['a storage type that the format lacks', { format: 'gguf', base: 'b', adapter: 'a', dtype: 'bf16' }, ['dtype']],
    ['q8_0 in safetensors', { format: 'flattened', adapter: 'a', dtype: 'q8_0' }, ['dtype']],
    ['a name for the base in GGUF', { format: 'merged-gguf', base: 'b', baseModelName: 'x' }, ['baseModelName']],
  ])('refuses %s', (_, more, expected) => {
    expect(findings(more)).toEqual(expected);
  });

  it.each<[object, string]>([
    [{ format: 'peft', adapter: 'a' }, 'f32'],
    [{ format: 'gguf', base: 'b', adapter: 'a' }, 'f16'],
    [{ format: 'merged-gguf', base: 'b' }, 'f16'],
    [{ format: 'merged-gguf', base: 'b', adapter: 'a', dtype: 'q8_0' }, 'q8_0'],
    [{ format: 'flattened', base: 'b', adapter: 'a', fillLayers: true, baseModelName: 'n' }, 'f32'],
  ])('takes %j and stores %s', (more, type) => {
    const spec = parseSpec(given(more));
    expect(spec.kind === 'export' && exportDtype(spec)).toBe(type);
  });
});
