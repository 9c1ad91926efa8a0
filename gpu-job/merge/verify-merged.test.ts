import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openFileSource } from '../../shared/files/file-source.ts';
import { mergeSpecSchema } from '../../shared/contract/specs/merge.ts';
import { planShards } from '../../shared/formats/model-index.ts';
import { readSafetensorsHeader, readTensor } from '../../shared/formats/safetensors-read.ts';
import { writeSafetensors, type TensorToWrite } from '../../shared/formats/safetensors-write.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeRandomAdapter } from '../../test/support/random-adapter.ts';
import { tinyLlamaConfig, writeRandomBase } from '../../test/support/random-base.ts';
import { writeFileAtomic } from '../folders/files.ts';
import { openMergeInputs } from '../jobs/merge-inputs.ts';
import { runMerge } from '../jobs/merge.ts';
import { createMergeProducts } from './merge-products.ts';
import { verifyMerged, type Verification } from './verify-merged.ts';

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
const Q = 'model.layers.0.self_attn.q_proj';
const K = 'model.layers.0.self_attn.k_proj';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'verify-'));
  await writeRandomBase(at('base'), tinyLlamaConfig, { dtype: 'BF16' });
  await writeRandomAdapter(at('adapter'), { [Q]: [24, 24] }, { base_model_name_or_path: 'base' });
  await runMerge(spec('out'), rememberingContext());
});
afterEach(() => rm(folder, { recursive: true }));

const spec = (output: string) =>
  mergeSpecSchema.parse({ kind: 'merge', base: at('base'), adapter: at('adapter'), output: at(output), threads: 1 });

/** Verifies the merge that stands in `out`. */
async function verify(): Promise<Verification> {
  const inputs = await openMergeInputs(spec('elsewhere'));
  const products = createMergeProducts(1);
  try {
    return await verifyMerged(at('out'), planShards(inputs.plan.tensors, 1e9), inputs, products, () => undefined);
  } finally {
    await products.close();
    await inputs.close();
  }
}

/** Writes the merged file again, each tensor as `change` wants it; undefined drops it. */
async function tamper(change: (tensor: TensorToWrite) => TensorToWrite | undefined): Promise<void> {
  const source = await openFileSource(at('out', 'model.safetensors'));
  const { tensors } = await readSafetensorsHeader(source);
  const changed = [...tensors.values()].flatMap(
    (entry) => change({ ...entry, bytes: () => readTensor(source, entry) }) ?? [],
  );
  await writeFileAtomic(at('tampered'), (sink) => writeSafetensors(sink, changed));
  await source.close();
  await writeFile(at('out', 'model.safetensors'), await readFile(at('tampered')));
}

test('a correct merge has no faults', async () => {
  const { faults, tensors, copied } = await verify();
  expect(faults).toEqual([]);
  expect([tensors.map(({ name }) => name), copied]).toEqual([[`${Q}.weight`], 19]);
});

test('a dropped tensor is seen, whether it was updated or copied, and so is one too many', async () => {
  await tamper((tensor) => (tensor.name === `${Q}.weight` || tensor.name === 'model.norm.weight' ? undefined : tensor));
  expect((await verify()).faults.toSorted()).toEqual([
    `${Q}.weight: it is missing in model.safetensors`,
    'model.norm.weight: it is missing in model.safetensors',
  ]);
  await tamper((tensor) => (tensor.name === `${K}.weight` ? { ...tensor, name: 'other' } : tensor));
  expect((await verify()).faults).toContain('other: it should not be in model.safetensors');
});

test('one flipped bit in a tensor that should be a copy is seen', async () => {
  await tamper((tensor) => ({
    ...tensor,
    async bytes() {
      const bytes = await (tensor.bytes() as Promise<Uint8Array>); // readTensor resolves to an array
      if (tensor.name === `${K}.weight`) bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
      return bytes;
    },
  }));
  expect((await verify()).faults).toEqual([`${K}.weight: it is not a copy of the base's tensor`]);
});

test('a wrong shape is seen, and so is a tensor that was never updated', async () => {
  await tamper((tensor) => (tensor.name === `${K}.weight` ? { ...tensor, shape: tensor.shape.toReversed() } : tensor));
  expect((await verify()).faults).toEqual([`${K}.weight: it is BF16 [24,8] instead of BF16 [8,24]`]);
  await writeFile(at('out', 'model.safetensors'), await readFile(at('base', 'model.safetensors')));
  expect((await verify()).faults).toEqual([expect.stringMatching(new RegExp(`^${Q}.weight: \\d+ values are not W`))]);
});
