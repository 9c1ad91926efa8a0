import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { feeds, randomParameters } from '../../test/support/model-gradients.ts';
import { tinyLlamaConfig, writeRandomBase } from '../../test/support/random-base.ts';
import { openBaseModel, type BaseModelFolder } from '../folders/base-model.ts';
import { createGenerator } from '../generation/generator.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { headLogits } from '../nn/output-head.ts';
import { createSession, float32Of, type TensorValue } from '../runtime/session.ts';
import { batchInputs } from '../training/batch-feeds.ts';
import { openDerivedValues } from './derived-values.ts';
import { dora } from './dora.ts';
import type { LoraVariant } from './lora-variant.ts';
import { plainLora } from './lora-variants.ts';
import { loraMethod } from './lora.ts';
import { forward, tunedModel, type TunedModel } from './tuned-model.ts';

let folder = '';
let base: BaseModelFolder;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-derived-'));
  await writeRandomBase(join(folder, 'base'), tinyLlamaConfig, { dtype: 'BF16' });
  base = await openBaseModel(join(folder, 'base'));
});
afterAll(() => rm(folder, { recursive: true }));

/** DoRA as it would be if no graph were fed what it derives. */
const forEachToken: LoraVariant = {
  ...dora,
  derived: () => [],
  output: (context, parts) => dora.output({ ...context, fed: () => undefined }, parts),
};

const modelOf = (variant: LoraVariant): TunedModel =>
  tunedModel(base, (known) =>
    loraMethod(
      known,
      known.linears.map(({ module }) => ({ module, r: 2, scaling: 1.5 })),
      { variant },
    ),
  );

/** Products that were computed for a text of so many tokens, in whatever session, by the runtime's own trace. */
async function productsFor(variant: LoraVariant, tokens: number): Promise<number> {
  const traces = await mkdtemp(join(folder, 'traces-'));
  const model = modelOf(variant);
  const generator = await createGenerator(model, { threads: 1, profilePrefix: join(traces, 'trace') });
  const request = { promptIds: [3, 10, 17], maxNewTokens: tokens, stopIds: [], temperature: 0 };
  const generated: number[] = [];
  for await (const token of generator.generate(parametersOf(await randomParameters(model)), request))
    generated.push(token);
  expect(generated).toHaveLength(tokens);
  await generator.close();
  const files = await Promise.all((await readdir(traces)).map((name) => readFile(join(traces, name), 'utf8')));
  return files
    .flatMap((text) => JSON.parse(text) as { name: string; args?: { op_name?: string } }[]) // the runtime's own trace format
    .filter(({ name, args }) => name.endsWith('_kernel_time') && /^(Fused)?MatMul$|^Gemm$/.test(args?.op_name ?? ''))
    .length;
}

test('the row lengths of DoRA are computed once for a text, not for each of its tokens', async () => {
  const modules = modelOf(dora).linears.length;
  const more = async (variant: LoraVariant): Promise<number> =>
    (await productsFor(variant, 12)) - (await productsFor(variant, 4));
  const plain = await more(plainLora);
  expect(await more(dora)).toBe(plain);
  expect((await productsFor(dora, 4)) - (await productsFor(plainLora, 4))).toBe(3 * modules);
  // the planted fault: three products more for each module and token
  expect(await more(forEachToken)).toBe(plain + 3 * modules * 8);
});

test('logits of a model that is fed them are those of one that computes them, to the bit', async () => {
  const model = modelOf(dora);
  const values = await randomParameters(model);
  const derived = await openDerivedValues(model, { threads: 1 });
  const fed = await derived.of(parametersOf(values));
  expect(Object.keys(fed)).toHaveLength(model.linears.length);
  const [given, own] = [await logitsOf(model, values, fed), await logitsOf(model, values)];
  expect(given).toEqual(own);
  // which they would not be with other lengths
  const other = await derived.of(
    new Map([...parametersOf(values)].map(([name, data]) => [name, data.map((x) => 2 * x)])),
  );
  expect(await logitsOf(model, values, other)).not.toEqual(own);
  await derived.close();
});

async function logitsOf(
  model: TunedModel,
  values: Awaited<ReturnType<typeof randomParameters>>,
  fed?: Readonly<Record<string, TensorValue>>,
): Promise<Float32Array> {
  const graph = new GraphBuilder();
  const { inputIds, places } = batchInputs(graph, undefined, model.method);
  const inputs = { inputIds, queries: places, keys: places, derivedFed: fed !== undefined };
  const { states, head } = forward(graph, model, inputs);
  graph.output('logits', headLogits(graph, states, head));
  const session = await createSession(graph, { threads: 1, weightsFolder: base.path });
  try {
    return float32Of(await session.run({ ...feeds(model, values, 'float32'), ...fed }), 'logits');
  } finally {
    await session.close();
  }
}

const parametersOf = (values: Awaited<ReturnType<typeof randomParameters>>): Map<string, Float32Array> =>
  new Map([...values].map(([name, data]) => [name, Float32Array.from(data)]));
