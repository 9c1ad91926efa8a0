import { invariant } from '../../shared/errors.ts';
import { parameterFeeds } from './parameter-feeds.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { productOfDims } from '../graph/dims.ts';
import type { Tensor } from '../graph/tensor.ts';
import { forward, type TunedModel } from '../methods/tuned-model.ts';
import { tokenLosses } from '../nn/losses.ts';
import { headLogits } from '../nn/output-head.ts';
import { createSession, float32Of, type TensorValue } from '../runtime/session.ts';
import { batchFeeds, batchInputs } from './batch-feeds.ts';
import type { Batch } from './batches.ts';
import { ropeFeed } from './rope-feed.ts';
import type { StepOptions } from './step-graph.ts';
import { sessionWeights } from './session-weights.ts';
import { stepMemory, type StepMemory } from '../../shared/domain/step-memory.ts';
import { tokenChunks } from './token-chunks.ts';

export interface EvalResult {
  /** Cross-entropy of each position in nats, 0 where it has no label. [B * T]. */
  readonly losses: Float32Array;
  /** 1 where the likeliest next token is the label. [B * T]. */
  readonly correct: Uint8Array;
}

/** Forward over one batch, without gradients. */
export interface EvalStep {
  run(parameters: ReadonlyMap<string, Float32Array>, batch: Batch): Promise<EvalResult>;
  /** All logits of a batch, [B * T, vocabulary]: large, for comparisons. */
  logits(parameters: ReadonlyMap<string, Float32Array>, batch: Batch): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Compiles the evaluation of a tuned model (or of a bare base, when it has no method). */
export async function createEvalStep(model: TunedModel, options: StepOptions = {}): Promise<EvalStep> {
  const rope = ropeFeed(model.spec);
  const { memory = stepMemory.fast, ...rest } = options;
  const open = (graph: GraphBuilder): ReturnType<typeof createSession> =>
    createSession(graph, { ...rest, ...sessionWeights(model, memory) });
  const scores = await open(scoresGraph(model, memory));
  let logitsSession: Awaited<ReturnType<typeof open>> | undefined;

  const feeds = (values: ReadonlyMap<string, Float32Array>, batch: Batch): Record<string, TensorValue> => {
    const inputs = batchFeeds(batch);
    return {
      ...inputs,
      ...rope(Math.min(batch.length, model.spec.maxPositions), inputs.positions),
      ...parameterFeeds(model, values),
    };
  };
  return {
    async run(values, batch) {
      const results = await scores.run(feeds(values, batch));
      const correct = results['correct']?.data;
      invariant(correct instanceof Uint8Array, 'correct is a boolean result');
      return { losses: float32Of(results, 'losses'), correct };
    },
    async logits(values, batch) {
      logitsSession ??= await open(logitsGraph(model));
      return float32Of(await logitsSession.run(feeds(values, batch)), 'logits');
    },
    async close() {
      await scores.close();
      await logitsSession?.close();
    },
  };
}

/** Output: `logits`. */
export function logitsGraph(model: TunedModel): GraphBuilder {
  const graph = new GraphBuilder();
  const { inputIds, places, tasks } = batchInputs(graph, undefined, model.method);
  const { states, head } = forward(graph, model, { inputIds, queries: places, keys: places, tasks });
  graph.output('logits', headLogits(graph, states, head));
  return graph;
}

/** Outputs: `losses` and `correct`. */
export function scoresGraph(model: TunedModel, { lossChunks, attentionBlock }: StepMemory): GraphBuilder {
  const graph = new GraphBuilder();
  const { inputIds, labels, places, tasks } = batchInputs(graph, lossChunks, model.method);
  const { states, head } = forward(graph, model, { inputIds, queries: places, keys: places, tasks, attentionBlock });
  const losses: Tensor[] = [];
  const correct: Tensor[] = [];
  let done: readonly Tensor[] = [];
  for (const chunk of tokenChunks(graph, states, labels, lossChunks)) {
    const hidden = graph.after(chunk.states.hidden, done);
    const seen = tokenLosses(graph, { ...chunk.states, hidden }, head, chunk.labels);
    const guess = graph.apply('ArgMax', [seen.logits], {});
    losses.push(graph.reshape(seen.losses, guess.dims));
    correct.push(graph.apply('And', [graph.apply('Equal', [guess, seen.labels], {}), seen.valid], {}));
    done = [seen.losses, guess];
  }
  const count = productOfDims(labels.dims);
  graph.output('losses', graph.concat(losses, 0, count));
  graph.output('correct', graph.concat(correct, 0, count));
  return graph;
}
