/**
 * `step-peak.ts fast|lean|unordered`: prints how many bytes the process grows by while it takes a training step, at its peak. `unordered` is
 * lean without what tells the runtime the order.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBaseModel } from '../../gpu-job/folders/base-model.ts';
import { loraMethod } from '../../gpu-job/methods/lora.ts';
import { requireMethod, tunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { createSession } from '../../gpu-job/runtime/session.ts';
import { batchFeeds } from '../../gpu-job/training/batch-feeds.ts';
import { parameterFeeds } from '../../gpu-job/training/parameter-feeds.ts';
import { ropeFeed } from '../../gpu-job/training/rope-feed.ts';
import { initialLoraParameters } from '../../gpu-job/training/initial-parameters.ts';
import { makeBatches } from '../../gpu-job/training/batches.ts';
import { trainGraph } from '../../gpu-job/training/step-graph.ts';
import { stepMemory } from '../../shared/domain/step-memory.ts';
import { forgetOrder } from './forget-order.ts';
import { smolLm135Config, writeRandomBase } from './random-base.ts';

/** Layers that make some 40 MB of 1,024 tokens each, over 50 MB of weights. */
const config = {
  ...smolLm135Config,
  vocab_size: 4096,
  hidden_size: 256,
  intermediate_size: 1024,
  num_hidden_layers: 12,
  num_attention_heads: 4,
  num_key_value_heads: 4,
};
const length = 1024;
const mode = process.argv[2];

const folder = await mkdtemp(join(tmpdir(), 'lorary-peak-'));
try {
  await writeRandomBase(folder, config);
  const model = tunedModel(await openBaseModel(folder), (tunable) =>
    loraMethod(
      tunable,
      tunable.linears.map(({ module }) => ({ module, r: 8, scaling: 1 })),
    ),
  );
  const graph = trainGraph(model, mode === 'fast' ? stepMemory.fast : stepMemory.lean);
  if (mode === 'unordered') forgetOrder(graph);
  const session = await createSession(graph, { prepack: mode === 'fast', weightsFolder: folder });
  const row = {
    tokens: Int32Array.from({ length: length + 1 }, (_, i) => (i * 7919) % config.vocab_size),
    trained: new Uint8Array(length + 1).fill(1),
  };
  const [batch] = makeBatches([row], [0], {
    microBatchTokens: length,
    packing: true,
    packTokens: length,
    lengthMax: length,
  });
  if (!batch) throw new Error('one row makes one batch');
  const inputs = batchFeeds(batch);
  const feeds = {
    ...inputs,
    ...ropeFeed(model.spec)(length, inputs.positions),
    ...parameterFeeds(model, initialLoraParameters(requireMethod(model).parameters, 1)),
    loss_scale: { data: Float32Array.of(1 / length), dims: [] },
    dropout_seed: { data: BigInt64Array.of(0n), dims: [] },
  };
  const before = process.resourceUsage().maxRSS;
  await session.run(feeds);
  console.log((process.resourceUsage().maxRSS - before) * 1024);
  await session.close();
} finally {
  await rm(folder, { recursive: true });
}
