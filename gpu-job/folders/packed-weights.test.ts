import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeQuantState, quantStateSuffix } from '../../shared/formats/bitsandbytes.ts';
import type { Dtype } from '../../shared/formats/dtype.ts';
import { tensorLengthBytes, writeSafetensors } from '../../shared/formats/safetensors-write.ts';
import { refusals } from '../../test/support/refusals.ts';
import { openBaseModel, readTensorFloat32 } from './base-model.ts';
import { writeFileAtomic } from './files.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-packed-weights-'));
});
afterEach(() => rm(folder, { recursive: true }));

type Stored = readonly [dtype: Dtype, shape: readonly number[], bytes?: Uint8Array];

async function open(method: string, tensors: Readonly<Record<string, Stored | undefined>>) {
  const given = Object.entries(tensors).flatMap(([name, stored]) => {
    if (!stored) return [];
    const [dtype, shape, bytes] = stored;
    const filled = bytes ?? new Uint8Array(tensorLengthBytes({ name, dtype, shape })).fill(0x21);
    return [{ name, dtype, shape, bytes: () => Promise.resolve(filled) }];
  });
  await writeFileAtomic(join(folder, 'model.safetensors'), (sink) => writeSafetensors(sink, given));
  await writeFile(join(folder, 'config.json'), JSON.stringify({ quantization_config: { quant_method: method } }));
  return openBaseModel(folder);
}

const blocks: Readonly<Record<string, Stored>> = {
  'norm.weight': ['F32', [64]],
  'a.weight': ['U8', [2, 2, 16]],
  'a.weight.scales': ['F16', [2, 2]],
  'a.weight.zeros': ['U8', [2, 2]],
};
const state = (changes: object = {}): Stored => {
  const packing = { kind: 'nf4', blockSize: 64, nested: { blockSize: 256, offset: 0.5 } } as const;
  const text = new TextDecoder().decode(encodeQuantState({ packing, shape: [2, 64] }, 'float32'));
  const bytes = new TextEncoder().encode(JSON.stringify({ ...(JSON.parse(text) as object), ...changes }));
  return ['U8', [bytes.length], bytes];
};
const nf4: Readonly<Record<string, Stored>> = {
  'a.weight': ['U8', [64, 1]],
  'a.weight.absmax': ['U8', [2]],
  'a.weight.nested_absmax': ['F32', [1]],
  'a.weight.nested_quant_map': ['F32', [256]],
  'a.weight.quant_map': ['F32', [16]],
  [`a.weight${quantStateSuffix}`]: state(),
};

test('a packed matrix is one tensor of its own shape, and its parts are none', async () => {
  const { tensors } = await open('lorary-blocks', blocks);
  expect([...tensors].map(([name, { shape }]) => [name, shape])).toEqual([
    ['norm.weight', [64]],
    ['a.weight', [2, 64]],
  ]);
  expect(
    (await readTensorFloat32({ path: folder, config: {}, tensors, files: [], warnings: [] }, 'a.weight')).length,
  ).toBe(128);
});

test('codes with scales alone are around 8, bytes around 0', async () => {
  const without = { ...blocks, 'a.weight.zeros': undefined };
  const packing = (base: Awaited<ReturnType<typeof open>>) => base.tensors.get('a.weight')?.packed?.packing;
  expect(packing(await open('lorary-blocks', without))).toMatchObject({ bits: 4, blockSize: 32, offset: 8 });
  const bytes = { ...without, 'a.weight': ['I8', [2, 2, 32]] as const };
  expect(packing(await open('lorary-blocks', bytes))).toMatchObject({ bits: 8, blockSize: 32, offset: 0 });
});

test('NF4 of bitsandbytes is read by its state', async () => {
  const { tensors } = await open('bitsandbytes', nf4);
  expect([...tensors.keys()]).toEqual(['a.weight']);
  expect(tensors.get('a.weight')).toMatchObject({
    shape: [2, 64],
    packed: { packing: { kind: 'nf4', nested: { offset: 0.5 } } },
  });
});

test('layouts that are not known stay as they are', async () => {
  expect((await open('gptq', blocks)).tensors.size).toBe(4);
});

describe('refused, by the name of the part, is', () => {
  test.each<[string, string, Readonly<Record<string, Stored | undefined>>, readonly string[]]>([
    ['a scale too few', 'lorary-blocks', { ...blocks, 'a.weight.scales': ['F16', [2, 1]] }, ['a.weight.scales']],
    ['a zero of another type', 'lorary-blocks', { ...blocks, 'a.weight.zeros': ['I8', [2, 2]] }, ['a.weight.zeros']],
    ['codes that are floats', 'lorary-blocks', { ...blocks, 'a.weight': ['F16', [2, 2, 16]] }, ['a.weight']],
    ['zeros with minima', 'lorary-blocks', { ...blocks, 'a.weight.mins': ['F16', [2, 2]] }, ['a.weight']],
    ['no scales', 'bitsandbytes', { ...nf4, 'a.weight.absmax': undefined }, ['a.weight.absmax']],
    ['codes of another size', 'bitsandbytes', { ...nf4, 'a.weight': ['U8', [63, 1]] }, ['a.weight']],
    [
      'another table of values',
      'bitsandbytes',
      { ...nf4, [`a.weight${quantStateSuffix}`]: state({ quant_type: 'fp4' }) },
      [`a.weight${quantStateSuffix}`],
    ],
    [
      'half a block',
      'bitsandbytes',
      { ...nf4, [`a.weight${quantStateSuffix}`]: state({ shape: [2, 48] }) },
      ['a.weight'],
    ],
  ])('%s', async (_, method, tensors, places) => {
    const found = await refusals(open(method, tensors), folder);
    expect(found).toEqual(places.map((place) => `packed-weights  ${place}`));
  });
});
