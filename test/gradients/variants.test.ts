import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBaseModel, type BaseModelFolder } from '../../gpu-job/folders/base-model.ts';
import { dora } from '../../gpu-job/methods/dora.ts';
import { loraMethod, type LoraOptions } from '../../gpu-job/methods/lora.ts';
import { sharedLora } from '../../gpu-job/methods/shared-lora.ts';
import type { Method, TunableModel } from '../../gpu-job/methods/method.ts';
import { requireMethod, tunedModel, type TunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { stepMemory, type StepMemory } from '../../shared/domain/step-memory.ts';
import { randomParameters, worstError } from '../support/model-gradients.ts';
import { tinyLlamaConfig, writeRandomBase } from '../support/random-base.ts';

let folder = '';
let base: BaseModelFolder;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-variants-'));
  await writeRandomBase(folder, { ...tinyLlamaConfig, attention_bias: true });
  base = await openBaseModel(folder);
});
afterAll(() => rm(folder, { recursive: true }));

const memories = { fast: stepMemory.fast, lean: { ...stepMemory.lean, lossChunks: 2 } };

const adapted =
  (options: LoraOptions) =>
  (known: TunableModel): Method =>
    loraMethod(
      known,
      known.linears.map(({ module }, i) => ({ module, r: 1 + (i % 2), scaling: 1.5 })),
      options,
    );

describe.each(Object.entries(memories))('%s', (_, memory) => {
  test.each([0, 0.3])(
    'DoRA has the gradients of central differences while lengths are held, dropout %d',
    async (dropout) => {
      const model = tunedModel(base, (known) => withHeldCopies(adapted({ dropout, variant: dora })(known)));
      expect(await heldError(model, memory)).toBeLessThanOrEqual(1e-6);
    },
  );
});

test.each([0, 0.3])(
  'factors that were taken from the base have the gradients of central differences, dropout %d',
  async (dropout) => {
    const model = tunedModel(base, adapted({ dropout, takesFromBase: true }));
    expect(await worstError(model, await randomParameters(model), memories.lean)).toBeLessThanOrEqual(1e-6);
  },
);

test.each(['tied', 'parted'])(
  'an embedding, the head and whole tensors have the gradients of central differences, %s',
  async (kind) => {
    const saved = kind === 'tied' ? [] : [{ name: 'lm_head.weight', shape: [31, 24] }];
    const norm = { name: 'model.layers.0.input_layernorm.weight', shape: [24] };
    const modules = ['model.embed_tokens', 'model.layers.1.mlp.up_proj', ...(kind === 'tied' ? ['lm_head'] : [])];
    const model = tunedModel(base, (known) =>
      loraMethod(
        known,
        modules.map((module) => ({ module, r: 2, scaling: 1.5 })),
        { dropout: 0.3, saved: [...saved, norm] },
      ),
    );
    for (const memory of Object.values(memories))
      expect(await worstError(model, await randomParameters(model), memory)).toBeLessThanOrEqual(1e-6);
  },
);

test.each(Object.entries(memories))(
  'adapters that share a base have the gradients of central differences, %s',
  async (_, memory) => {
    const model = tunedModel(base, (known) => {
      const target = (r: number) => (module: string, i: number) => ({
        module,
        r: r + (i % 2),
        scaling: r === 1 ? 1.5 : 0.7,
      });
      const modules = known.linears.map(({ module }) => module);
      return sharedLora(known, [
        { name: 'one', targets: modules.map(target(1)) },
        // on fewer modules than the other
        { name: 'two', targets: modules.filter((module) => !module.endsWith('k_proj')).map(target(2)) },
      ]);
    });
    expect(await worstError(model, await randomParameters(model), memory)).toBeLessThanOrEqual(1e-6);
  },
);

test('an adapter of the head alone is trained by what its chunks say', async () => {
  const target = { module: 'lm_head', r: 2, scaling: 1.5 };
  const model = tunedModel(base, (known) => loraMethod(known, [target]));
  for (const memory of Object.values(memories))
    expect(await worstError(model, await randomParameters(model), memory)).toBeLessThanOrEqual(1e-6);
});

test('and has none of those in which lengths move, which shows that they are held', async () => {
  const model = tunedModel(base, adapted({ variant: dora }));
  expect(await worstError(model, await randomParameters(model), memories.fast)).toBeGreaterThan(1e-2);
});

test('DoRA whose lengths are not held has the gradients of central differences in which they move', async () => {
  const model = tunedModel(base, (known) => {
    const method = adapted({ variant: dora })(known);
    return {
      ...method,
      extendLinears: (context, x, linears) =>
        method.extendLinears?.({ ...context, held: (name) => context.parameter(name) }, x, linears) ?? [],
    };
  });
  expect(await worstError(model, await randomParameters(model), memories.fast)).toBeLessThanOrEqual(1e-6);
});

/** The method with copies of A and B, which stand for them where they are held: a difference then leaves them alone. */
function withHeldCopies(method: Method): Method {
  const factors = method.parameters.filter(({ name }) => /\.lora_[AB]$/.test(name));
  return {
    ...method,
    parameters: [...method.parameters, ...factors.map((factor) => ({ ...factor, name: copyOf(factor.name) }))],
    extendLinears: (context, x, linears) =>
      method.extendLinears?.({ ...context, held: (name) => context.parameter(copyOf(name)) }, x, linears) ?? [],
  };
}

const copyOf = (name: string): string => `held ${name}`;

/** Over the parameters alone, not over their copies. */
async function heldError(model: TunedModel, memory: StepMemory): Promise<number> {
  const values = await randomParameters(model);
  for (const [name, own] of values) if (values.has(copyOf(name))) values.set(copyOf(name), own.slice());
  const checked = requireMethod(model).parameters.filter(({ name }) => !name.startsWith(copyOf('')));
  return worstError(model, values, memory, new Set(checked.map(({ name }) => name)));
}
