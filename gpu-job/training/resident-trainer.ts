import { invariant } from '../../shared/errors.ts';
import { shapeSize } from '../../shared/formats/dtype.ts';
import type { Parameter } from '../methods/method.ts';
import { requireMethod, type TunedModel } from '../methods/tuned-model.ts';
import { createBoundSession, type BoundDevice, type BoundSession } from '../runtime/bound-session.ts';
import { float32Of, lend, type BoundValue } from '../runtime/bound-value.ts';
import type { OrtApi } from '../runtime/ort-api.ts';
import type { TensorValue } from '../runtime/session.ts';
import { batchFeeds } from './batch-feeds.ts';
import type { Batch } from './batches.ts';
import {
  addedName,
  copyGraph,
  momentNames,
  nextName,
  squaresGraph,
  sumGraph,
  sumName,
  updateGraph,
  updateKind,
} from './device-graphs.ts';
import type { AdamW, AdamWOptions } from './optimizers.ts';
import { parameterFeeds } from './parameter-feeds.ts';
import { ropeFeed } from './rope-feed.ts';
import { sessionWeights } from './session-weights.ts';
import { gradientName, trainGraph, type StepOptions } from './step-graph.ts';
import { stepMemory } from '../../shared/domain/step-memory.ts';

export interface ResidentOptions {
  readonly step: StepOptions;
  readonly device: BoundDevice;
  /** Whether kernels are taken that repeat themselves to the bit; default not. */
  readonly deterministic?: boolean | undefined;
  readonly optimizer: AdamWOptions;
  /** Of parameters and constants at first. */
  readonly values: ReadonlyMap<string, Float32Array>;
  /** Where the optimizer goes on; absent: from zeros. */
  readonly begun?: { readonly updates: number; readonly moments: AdamW['moments'] } | undefined;
}

/** Holds what a run trains where it is trained, and takes its steps. */
export interface ResidentTrainer {
  /** Loss and gradients of a step. The norm is of the gradients as they are, times `gradientScale` (default 1). */
  accumulate(
    batches: readonly Batch[],
    seedOf: (microBatch: number) => number,
    gradientScale?: number,
  ): { readonly loss: number; readonly labels: number; readonly gradientNorm: number };
  /** Changes what is trained by the gradients of the last step, each times `gradientScale`. */
  update(learningRate: number, gradientScale: number): void;
  /** Copies of the parameters and constants as they stand, for a checkpoint or to look at. */
  values(): ReadonlyMap<string, Float32Array>;
  /** Copies of the moments of the optimizer, and the number of its updates. */
  moments(): AdamW['moments'];
  readonly updates: number;
  close(): void;
  /** Bytes that crossed the border between host and device since it was opened. */
  readonly traffic: { readonly up: number; readonly down: number };
}

/**
 * Parameters, moments and gradients stay on the device: tokens and a few numbers go up with each micro-batch, its loss and the norm of a step's
 * gradients come down. What `values` and `moments` give is fetched when they are asked for. AdamW is that of `createAdamW` in float32.
 */
export function openResidentTrainer(api: OrtApi, model: TunedModel, options: ResidentOptions): ResidentTrainer {
  const method = requireMethod(model);
  const { parameters } = method;
  const { memory = stepMemory.fast, ...step } = options.step;
  const { device, deterministic = false } = options;
  const plain = { device, deterministic, ...(step.threads === undefined ? {} : { threads: step.threads }) };
  const steps = createBoundSession(api, trainGraph(model, memory), {
    ...step,
    ...sessionWeights(model, memory),
    device,
    deterministic,
    hostOutputs: ['loss_sum'],
  });
  const sums = createBoundSession(api, sumGraph(parameters), plain);
  const squares = createBoundSession(api, squaresGraph(parameters), { ...plain, hostOutputs: ['squares'] });
  const updates = createBoundSession(api, updateGraph(parameters, options.optimizer), plain);
  const copied = parameters.map(({ name }) => nextName(name));
  const copies = createBoundSession(api, copyGraph(parameters), { ...plain, hostOutputs: copied });
  const sessions = [steps, sums, squares, updates, copies];

  const rope = ropeFeed(model.spec);
  const feeds = lentFeeds(api, steps);
  const scalars = lentFeeds(api, updates);
  let updateCount = options.begun?.updates ?? 0;
  let state = new Map(
    parameters.flatMap((parameter) => firstState(parameter, options).map(([name, value]) => [name, lend(api, value)])),
  );
  let gradients = new Map<string, BoundValue>();

  const bindParameters = (): void => {
    for (const { name } of parameters) steps.bind(name, held(state, name));
    for (const [name, value] of state) updates.bind(name, value);
  };
  bindParameters();
  const constants = parameterFeeds({ ...model, method: { ...method, parameters: [] } }, options.values);
  feeds.give(constants);

  const add = (added: ReadonlyMap<string, BoundValue>): void => {
    if (gradients.size > 0) {
      for (const { name } of parameters) {
        sums.bind(sumName(name), held(gradients, name));
        sums.bind(addedName(name), held(added, name));
      }
      const results = sums.run();
      for (const values of [gradients, added]) releaseAll(values);
      gradients = new Map(parameters.map(({ name }) => [name, held(results, nextName(sumName(name)))]));
    } else gradients = new Map(added);
  };
  const fetch = (nameOf: (parameter: string) => string): Map<string, Float32Array> => {
    for (const { name } of parameters) copies.bind(name, held(state, nameOf(name)));
    const results = copies.run();
    const values = new Map(parameters.map(({ name }) => [name, float32Of(api, held(results, nextName(name)))]));
    releaseAll(results);
    return values;
  };

  return {
    get updates() {
      return updateCount;
    },
    get traffic() {
      const total = (way: 'up' | 'down'): number => sessions.reduce((sum, { traffic }) => sum + traffic[way], 0);
      return { up: total('up'), down: total('down') };
    },
    accumulate(batches, seedOf, gradientScale = 1) {
      const labels = batches.reduce((sum, batch) => sum + batch.labelCount, 0);
      invariant(labels > 0, 'a step has labels');
      releaseAll(gradients);
      gradients = new Map();
      let lossSum = 0;
      for (const [i, batch] of batches.entries()) {
        feeds.give(stepFeeds(model, rope, batch, { lossScale: gradientScale / labels, seed: seedOf(i) }));
        const results = steps.run();
        const loss = held(results, 'loss_sum');
        lossSum += float32Of(api, loss)[0] ?? NaN;
        loss.release();
        add(new Map(parameters.map(({ name }) => [name, held(results, gradientName(name))])));
      }
      for (const { name } of parameters) squares.bind(sumName(name), held(gradients, name));
      const results = squares.run();
      const gradientNorm = Math.sqrt(float32Of(api, held(results, 'squares'))[0] ?? NaN);
      releaseAll(results);
      return { loss: lossSum / labels, labels, gradientNorm };
    },
    update(learningRate, gradientScale) {
      updateCount++;
      scalars.give(updateScalars(parameters, options.optimizer, { updates: updateCount, learningRate, gradientScale }));
      for (const { name } of parameters) updates.bind(sumName(name), held(gradients, name));
      const results = updates.run();
      const before = state;
      state = new Map([...before.keys()].map((name) => [name, held(results, nextName(name))]));
      bindParameters();
      releaseAll(before);
    },
    values: () => new Map([...constantsOf(constants), ...fetch((name) => name)]),
    moments() {
      const [first, second] = (['first', 'second'] as const).map((which) => fetch((name) => momentNames(name)[which]));
      return new Map(
        parameters.map(({ name }) => [
          name,
          { first: first?.get(name) ?? new Float32Array(), second: second?.get(name) ?? new Float32Array() },
        ]),
      );
    },
    close() {
      for (const session of sessions) session.close();
      for (const values of [state, gradients]) releaseAll(values);
      feeds.close();
      scalars.close();
    },
  };
}

/** First values of a parameter and its moments, by the names under which an update takes them. */
function firstState(
  { name, shape }: Parameter,
  { values, begun }: Pick<ResidentOptions, 'values' | 'begun'>,
): [string, TensorValue][] {
  const { first, second } = momentNames(name);
  const moment = begun?.moments.get(name);
  const given: [string, Float32Array | undefined][] = [
    [name, values.get(name)],
    [first, moment?.first ?? new Float32Array(shapeSize(shape))],
    [second, moment?.second ?? new Float32Array(shapeSize(shape))],
  ];
  return given.map(([key, data]) => {
    invariant(data, `${key} has values`);
    return [key, { data: data.slice(), dims: shape }];
  });
}

function stepFeeds(
  model: TunedModel,
  rope: ReturnType<typeof ropeFeed>,
  batch: Batch,
  { lossScale, seed }: { readonly lossScale: number; readonly seed: number },
): Record<string, TensorValue> {
  const inputs = batchFeeds(batch);
  return {
    ...inputs,
    ...rope(Math.min(batch.length, model.spec.maxPositions), inputs.positions),
    loss_scale: { data: Float32Array.of(lossScale), dims: [] },
    dropout_seed: { data: BigInt64Array.of(BigInt(seed)), dims: [] },
  };
}

/** The numbers of one update, as `createAdamW` has them. */
function updateScalars(
  parameters: readonly Parameter[],
  { beta1, beta2, epsilon, weightDecay, rateFactors = {} }: AdamWOptions,
  given: { readonly updates: number; readonly learningRate: number; readonly gradientScale: number },
): Record<string, TensorValue> {
  const rootCorrection = Math.sqrt(1 - beta2 ** given.updates);
  const scalars: Record<string, number> = {
    gradient_scale: given.gradientScale,
    smallest: epsilon * rootCorrection,
  };
  for (const parameter of parameters) {
    const { shape, group, decays = shape.length > 1 } = parameter;
    const rate = given.learningRate * ((group && rateFactors[group]) ?? 1);
    scalars[`step ${updateKind(parameter)}`] = (rate / (1 - beta1 ** given.updates)) * rootCorrection;
    scalars[`decay ${updateKind(parameter)}`] = 1 - rate * (decays ? weightDecay : 0);
  }
  return Object.fromEntries(
    Object.entries(scalars).map(([name, value]) => [name, { data: Float32Array.of(value), dims: [] }]),
  );
}

/** Lends values of the host to a session: what is given again as it was stays bound. */
function lentFeeds(
  api: OrtApi,
  session: BoundSession,
): { give(feeds: Readonly<Record<string, TensorValue>>): void; close(): void } {
  const lent = new Map<string, { readonly data: TensorValue['data']; readonly value: BoundValue }>();
  return {
    give(feeds) {
      for (const [name, feed] of Object.entries(feeds)) {
        const before = lent.get(name);
        if (before?.data === feed.data || !session.inputNames.includes(name)) continue;
        const value = lend(api, feed);
        session.bind(name, value);
        lent.set(name, { data: feed.data, value });
        before?.value.release();
      }
    },
    close() {
      releaseAll(new Map([...lent].map(([name, { value }]) => [name, value])));
    },
  };
}

const constantsOf = (feeds: Readonly<Record<string, TensorValue>>): [string, Float32Array][] =>
  Object.entries(feeds).map(([name, { data }]) => [name, data as Float32Array]); // constants are float32

function held(values: ReadonlyMap<string, BoundValue>, name: string): BoundValue {
  const value = values.get(name);
  invariant(value, `there is a value ${name}`);
  return value;
}

function releaseAll(values: ReadonlyMap<string, BoundValue>): void {
  for (const value of values.values()) value.release();
}
