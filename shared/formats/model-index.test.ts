import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors.ts';
import { encodeModelIndex, parseModelIndex, planShards } from './model-index.ts';

const f32 = (name: string, values: number): { name: string; dtype: 'F32'; shape: number[] } => ({
  name,
  dtype: 'F32',
  shape: [values],
});

function codes(text: string): string[] {
  try {
    parseModelIndex(text);
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return error.findings.map((finding) => finding.code);
  }
}

function names(shards: ReturnType<typeof planShards>): [string, string[]][] {
  return shards.map((shard) => [shard.fileName, shard.tensors.map((t) => t.name)]);
}

describe('parseModelIndex', () => {
  it.each<[string, string, string[]]>([
    ['broken JSON', '{', ['not-json']],
    ['a list', '[]', ['not-json']],
    ['no weight_map', '{"metadata":{}}', ['weight-map']],
    ['a weight_map that is a list', '{"weight_map":[]}', ['weight-map']],
    ['a tensor named twice', '{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}', ['duplicate-key']],
    [
      'files outside the folder or of another kind, all of them',
      JSON.stringify({
        weight_map: {
          a: '../x.safetensors',
          b: '/etc/x.safetensors',
          c: 'C:\\x.safetensors',
          d: 'x.bin',
          e: 3,
          f: 'ok.safetensors',
          g: 'nul\0.safetensors',
        },
      }),
      Array.from({ length: 6 }, () => 'shard-name'),
    ],
  ])('refuses %s', (_, text, expected) => {
    expect(codes(text)).toEqual(expected);
  });

  it('reads the map and the size', () => {
    const index = parseModelIndex('{"metadata":{"total_size":8},"weight_map":{"a":"x.safetensors"}}');
    expect(index).toEqual({ weightMap: new Map([['a', 'x.safetensors']]), totalSizeBytes: 8 });
    expect(parseModelIndex('{"weight_map":{}}').totalSizeBytes).toBeUndefined();
  });
});

describe('planShards', () => {
  it('keeps a checkpoint at the bound in one file and splits it one byte past', () => {
    const tensors = [f32('a', 4), f32('b', 4)];
    expect(names(planShards(tensors, 32))).toEqual([['model.safetensors', ['a', 'b']]]);
    expect(names(planShards(tensors, 31))).toEqual([
      ['model-00001-of-00002.safetensors', ['a']],
      ['model-00002-of-00002.safetensors', ['b']],
    ]);
  });

  it('gives a tensor larger than the bound a file of its own', () => {
    expect(names(planShards([f32('a', 1), f32('big', 100), f32('b', 1)], 16)).map(([, n]) => n)).toEqual([
      ['a'],
      ['big'],
      ['b'],
    ]);
  });

  it('writes one empty file for no tensors', () => {
    expect(names(planShards([], 16))).toEqual([['model.safetensors', []]]);
  });

  it('puts every tensor in exactly one file, in order, within the bound, and its index reads back (property)', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(9), { minLength: 1 }), fc.integer({ min: 1, max: 60 }), (sizes, bound) => {
        const tensors = sizes.map((size, i) => f32(`t${i}`, size));
        const shards = planShards(tensors, bound);
        expect(shards.flatMap((shard) => shard.tensors)).toEqual(tensors);
        for (const shard of shards) if (shard.tensors.length > 1) expect(shard.lengthBytes).toBeLessThanOrEqual(bound);
        const index = parseModelIndex(encodeModelIndex(shards));
        expect(index.totalSizeBytes).toBe(sizes.reduce((sum, size) => sum + 4 * size, 0));
        for (const shard of shards)
          for (const tensor of shard.tensors) expect(index.weightMap.get(tensor.name)).toBe(shard.fileName);
      }),
    );
  });

  it('writes the index as Hugging Face does: sorted, indented by two', () => {
    const text = encodeModelIndex(planShards([f32('b', 1), f32('a', 1)], 4));
    expect(text).toBe(
      '{\n  "metadata": {\n    "total_size": 8\n  },\n  "weight_map": {\n    "a": "model-00002-of-00002.safetensors",\n    "b": "model-00001-of-00002.safetensors"\n  }\n}\n',
    );
  });
});
