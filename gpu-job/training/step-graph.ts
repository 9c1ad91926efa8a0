import { invariant } from '../../shared/errors.ts';
import { backward } from '../autodiff/backward.ts';
import { GraphBuilder, type FloatType, type Graph } from '../graph/builder.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Parameter } from '../methods/method.ts';
import { forward, requireMethod, type TunedModel } from '../methods/tuned-model.ts';
import { createSession, float32Of, type SessionOptions } from '../runtime/session.ts';
import { batchFeeds, batchInputs } from './batch-feeds.ts';
import type { Batch } from './batches.ts';
import { lossByVocabulary } from './loss-by-vocabulary.ts';
import { lossInChunks } from './loss-in-chunks.ts';
import { parameterFeeds } from './parameter-feeds.ts';
import { ropeFeed } from './rope-feed.ts';
import { sessionWeights } from './session-weights.ts';
import { stepMemory, type StepMemory } from '../../shared/domain/step-memory.ts';

export interface StepResult {
  /** Sum of the losses of all labels of the batch, in nats, unscaled. */
  readonly lossSum: number;
  /** Of each position, [B * T], unscaled; where rows of several tasks are joined. */
  readonly losses?: Float32Array;
  /** Gradient of lossScale * lossSum by each parameter, float32, in the parameter's shape. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

/** Forward and backward over one batch. */
export interface TrainStep {
  readonly parameters: readonly Parameter[];
  /**
   * `lossScale` is 1 / labels of the whole accumulated batch, so that summed gradients of micro-batches equal those of the large
   * batch. `seed` (below 2^32) picks the dropout masks of this run.
   */
  run(
    parameters: ReadonlyMap<string, Float32Array>,
    batch: Batch,
    options: { readonly lossScale: number; readonly seed?: number },
  ): Promise<StepResult>;
  close(): Promise<void>;
}

export interface StepOptions extends Pick<SessionOptions, 'threads' | 'profilePrefix' | 'compute' | 'device'> {
  /** Default: all that is needed is kept. */
  readonly memory?: StepMemory;
}

/** Compiles the training step of a tuned model. Batch and length are symbolic: any batch runs on the same session. */
export function createTrainStep(model: TunedModel, options: StepOptions = {}): Promise<TrainStep> {
  return trainStepOf(model, trainGraph(model, options.memory), options);
}

/** The step that a graph with the inputs and outputs of `trainGraph` takes. */
export async function trainStepOf(model: TunedModel, graph: Graph, options: StepOptions): Promise<TrainStep> {
  const { parameters } = requireMethod(model);
  const { memory = stepMemory.fast, ...rest } = options;
  const session = await createSession(graph, {
    ...rest,
    ...sessionWeights(model, memory),
  });
  const rope = ropeFeed(model.spec);
  return {
    parameters,
    async run(values, batch, { lossScale, seed = 0 }) {
      const inputs = batchFeeds(batch);
      const feeds = {
        ...inputs,
        ...rope(Math.min(batch.length, model.spec.maxPositions), inputs.positions),
        loss_scale: { data: Float32Array.of(lossScale), dims: [] },
        dropout_seed: { data: BigInt64Array.of(BigInt(seed)), dims: [] },
        ...parameterFeeds(model, values),
      };
      const results = await session.run(feeds);
      const [lossSum] = float32Of(results, 'loss_sum');
      const gradients = new Map(parameters.map(({ name }) => [name, float32Of(results, gradientName(name))]));
      const losses = model.method?.sharesRows ? { losses: float32Of(results, 'losses') } : {};
      return { lossSum: Number(lossSum), gradients, ...losses };
    },
    close: () => session.close(),
  };
}

export const gradientName = (parameter: string): string => `gradient of ${parameter}`;

/** Inputs: the batch, the parameters, `loss_scale` [], `dropout_seed` []. Outputs: `loss_sum` and a gradient for each parameter. */
export function trainGraph(
  model: TunedModel,
  memory: StepMemory = stepMemory.fast,
  float: FloatType = 'float32',
): GraphBuilder {
  const method = requireMethod(model);
  const graph = new GraphBuilder(float);
  const { inputIds, labels, places, tasks } = batchInputs(graph, Math.max(2, memory.lossChunks), method);
  const lossScale = graph.input('loss_scale', float, []);
  const dropoutSeed = graph.input('dropout_seed', 'int64', []);
  const { states, head, parameters } = forward(graph, model, {
    inputIds,
    queries: places,
    keys: places,
    dropoutSeed,
    tasks,
    attentionBlock: memory.attentionBlock,
  });
  const trained = parameters.filter((parameter) => parameter === head.weight || parameter === head.update?.B);
  const loss =
    head.parts && memory.lossChunks > 1
      ? lossByVocabulary(graph, {
          hidden: states.hidden,
          weight: head.weight,
          parts: head.parts(memory.lossChunks),
          labels,
        })
      : lossInChunks(graph, { states, head, labels, trained, chunks: memory.lossChunks });
  // left to the end, the sum of the losses would keep the logits until then
  const scale = graph.after(lossScale, [loss.sum]);
  const scaled = (gradient: Tensor): Tensor => graph.mul(gradient, scale);
  const { hidden, low } = loss.byStates;
  // what a head is trained by follows from hidden states, so the walk begins behind it
  const [from, gradient] = states.low && low ? [states.low, low] : [states.hidden, hidden];
  const gradients = backward(graph, from, parameters, {
    outputGradient: scaled(gradient),
    arrived: new Map([
      ...(from === states.hidden ? [] : [[states.hidden, scaled(hidden)] as const]),
      ...trained.map((parameter, i) => [parameter, scaled(loss.byTrained[i] as Tensor)] as const), // one for each
    ]),
    recompute: memory.recompute,
    castAgain: !memory.prepack && !memory.recompute,
  });
  graph.output('loss_sum', loss.sum);
  if (method.sharesRows) graph.output('losses', loss.losses);
  for (const [i, { name }] of method.parameters.entries()) {
    const gradient = gradients[i];
    invariant(gradient, `there is a gradient for ${name}`);
    graph.output(gradientName(name), gradient);
  }
  return graph;
}
