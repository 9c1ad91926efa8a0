import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBaseModel, readTensorFloat32, type BaseModelFolder } from '../../gpu-job/folders/base-model.ts';
import type { CheckpointTensor } from '../../gpu-job/folders/checkpoint-tensor.ts';
import { createGenerator } from '../../gpu-job/generation/generator.ts';
import { dora } from '../../gpu-job/methods/dora.ts';
import { loraMethod } from '../../gpu-job/methods/lora.ts';
import { requireMethod, tunedModel, type TunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { quantizeFolder, unpackFolder } from '../../gpu-job/quantize/quantize-folder.ts';
import { createEvalStep } from '../../gpu-job/training/eval-graph.ts';
import { createTrainStep } from '../../gpu-job/training/step-graph.ts';
import { stepMemory } from '../../shared/domain/step-memory.ts';
import { uniform } from '../support/random-base.ts';
import type { Packing } from '../../shared/formats/packing.ts';
import {
  batchOf,
  fixturePath,
  readFixtureJson,
  readFixtureTensors,
  relativeDeviation,
  type HuggingFaceInputs,
} from './fixture.ts';
import { openAdapted } from './open-adapted.ts';

/** Relative to the largest magnitude of the same tensor. */
const bound = 1e-4;
const noParameters: ReadonlyMap<string, Float32Array> = new Map();

async function openCase(name: string) {
  const tensors = await readFixtureTensors(name, 'expected.safetensors');
  return {
    base: await openBaseModel(fixturePath(name, 'base')),
    batch: batchOf(await readFixtureJson<HuggingFaceInputs>(name, 'inputs.json')),
    expected: await readFixtureJson<Record<'base' | 'adapted', { lossSum: number }>>(name, 'expected.json'),
    adapter: fixturePath(name, 'adapter'),
    truth: (key: string) => tensors.get(key)?.values ?? new Float32Array(),
  };
}

async function logits(model: TunedModel, parameters = noParameters, batch = batchOf({ input_ids: [], labels: [] })) {
  const step = await createEvalStep(model, { threads: 1 });
  const values = await step.logits(parameters, batch);
  await step.close();
  return values;
}

describe.each(['nf4-nested', 'nf4-plain'])('%s, packed by bitsandbytes,', (name) => {
  it('holds the values that bitsandbytes makes of it', async () => {
    const { base } = await openCase(name);
    const unpacked = await readFixtureTensors(name, 'unpacked.safetensors');
    expect(unpacked.size).toBe(14);
    for (const [weight, { values, shape }] of unpacked) {
      expect(base.tensors.get(weight)?.shape, weight).toEqual(shape);
      expect(relativeDeviation(await readTensorFloat32(base, weight), values), weight).toBeLessThan(1e-6);
    }
  });

  it.each(Object.keys(stepMemory) as (keyof typeof stepMemory)[])(
    'has the logits, the loss and every LoRA gradient of torch on those values (%s step)',
    async (memory) => {
      const { base, batch, expected, adapter, truth } = await openCase(name);
      expect(relativeDeviation(await logits(tunedModel(base), noParameters, batch), truth('logits'))).toBeLessThan(
        bound,
      );
      const { model, parameters } = await openAdapted(base, adapter);
      const ours = await logits(model, parameters, batch);
      expect(relativeDeviation(ours, truth('adapted_logits'))).toBeLessThan(bound);
      const step = await createTrainStep(model, { threads: 1, memory: stepMemory[memory] });
      const { lossSum, gradients } = await step.run(parameters, batch, { lossScale: 1 / batch.labelCount });
      await step.close();
      expect(lossSum / expected.adapted.lossSum).toBeCloseTo(1, 5);
      expect(gradients.size).toBe(28);
      for (const [parameter, gradient] of gradients)
        expect(relativeDeviation(gradient, truth(`gradient.${parameter}`)), parameter).toBeLessThan(bound);
    },
  );
});

it('DoRA, which needs the lengths of the rows of the packed weights, computes what it computes on their values', async () => {
  const { base, batch } = await openCase('nf4-nested');
  const folder = await mkdtemp(join(tmpdir(), 'lorary-packed-'));
  try {
    await unpackFolder(base.path, join(folder, 'float'), 'F32');
    const [packed, float] = await Promise.all(
      [base, await openBaseModel(join(folder, 'float'))].map(async (on) => {
        const targets = tunedModel(on).linears.map(({ module }) => ({ module, r: 2, scaling: 2 }));
        const model = tunedModel(on, (known) => loraMethod(known, targets, { dropout: 0.2, variant: dora }));
        const first = await dora.initialValues(on, targets);
        const random = uniform(4);
        const values = new Map(
          requireMethod(model).parameters.map(({ name, shape }) => [
            name,
            first.get(name) ?? Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random() - 0.5),
          ]),
        );
        const step = await createTrainStep(model, { threads: 1 });
        const result = await step.run(values, batch, { lossScale: 1, seed: 3 });
        await step.close();
        return result;
      }),
    );
    expect(packed && float && packed.lossSum / float.lossSum).toBeCloseTo(1, 5);
    for (const [name, gradient] of packed?.gradients ?? [])
      expect(relativeDeviation(gradient, float?.gradients.get(name) ?? []), name).toBeLessThan(bound);
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe('the bound sees', () => {
  /** The base with another packing of all weights. */
  function repacked(base: BaseModelFolder, change: (tensor: CheckpointTensor, packing: Packing) => Packing) {
    const tensors = [...base.tensors].map(([name, tensor]) => {
      const { packed } = tensor;
      return [
        name,
        packed ? { ...tensor, packed: { ...packed, packing: change(tensor, packed.packing) } } : tensor,
      ] as const;
    });
    return { ...base, tensors: new Map(tensors) };
  }
  const deviation = async (base: BaseModelFolder) => {
    const { batch, truth } = await openCase('nf4-nested');
    return relativeDeviation(await logits(tunedModel(base), noParameters, batch), truth('logits'));
  };

  it('another mean of the scales', async () => {
    const { base } = await openCase('nf4-nested');
    const wrong = repacked(base, (_, packing) =>
      packing.kind === 'nf4' && packing.nested
        ? { ...packing, nested: { ...packing.nested, offset: packing.nested.offset * 1.01 } }
        : packing,
    );
    expect(await deviation(base)).toBeLessThan(bound);
    expect(await deviation(wrong)).toBeGreaterThan(10 * bound);
  });

  it('codes that begin one byte later, which swaps the two of a lookup', async () => {
    const { base } = await openCase('nf4-nested');
    const tensors = [...base.tensors].map(([name, tensor]) => {
      const [codes, ...others] = tensor.packed?.parts ?? [];
      if (!tensor.packed || !codes) return [name, tensor] as const;
      const parts = [{ ...codes, offset: codes.offset - 1 }, ...others];
      return [name, { ...tensor, packed: { ...tensor.packed, parts } }] as const;
    });
    expect(await deviation({ ...base, tensors: new Map(tensors) })).toBeGreaterThan(100 * bound);
  });
});

describe('a model that is packed here', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lorary-packed-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it.each([
    ['nf4', 64],
    ['u4', 32],
    ['u4', 64],
  ] as const)(
    'as %s in blocks of %i computes what its unpacked copy computes, in all directions',
    async (type, blockSize) => {
      const [source, packedAt, floatAt] = [
        fixturePath('nf4-nested', 'base'),
        join(folder, `${type}${blockSize}`),
        join(folder, `${type}${blockSize}-f32`),
      ];
      const original = join(folder, `original-${type}${blockSize}`);
      await unpackFolder(source, original, 'F32');
      await quantizeFolder(original, packedAt, { type, blockSize });
      await unpackFolder(packedAt, floatAt, 'F32');
      const { batch, adapter } = await openCase('nf4-nested');
      const results = await Promise.all(
        [packedAt, floatAt].map(async (path) => {
          const { model, parameters } = await openAdapted(await openBaseModel(path), adapter);
          const step = await createTrainStep(model, { threads: 1, memory: stepMemory.lean });
          const { lossSum, gradients } = await step.run(parameters, batch, { lossScale: 1 });
          await step.close();
          const generator = await createGenerator(model, { threads: 1 });
          const tokens: number[] = [];
          const request = { promptIds: [5, 9, 11], maxNewTokens: 12, stopIds: [], temperature: 0, topP: 1, topK: 0 };
          for await (const token of generator.generate(parameters, request)) tokens.push(token);
          await generator.close();
          return { lossSum, gradients, tokens };
        }),
      );
      const [packed, float] = results;
      expect(packed && float && packed.lossSum / float.lossSum).toBeCloseTo(1, 5);
      expect(packed?.tokens).toEqual(float?.tokens);
      for (const [name, gradient] of packed?.gradients ?? [])
        expect(relativeDeviation(gradient, float?.gradients.get(name) ?? []), name).toBeLessThan(1e-5);
    },
  );
});
