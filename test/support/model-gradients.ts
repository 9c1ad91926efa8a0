import { requireMethod, type TunedModel } from '../../gpu-job/methods/tuned-model.ts';
import { createSession, type Session, type TensorValue } from '../../gpu-job/runtime/session.ts';
import { methodInputs } from '../../gpu-job/training/parameter-feeds.ts';
import { ropeFeed } from '../../gpu-job/training/rope-feed.ts';
import { gradientName, trainGraph } from '../../gpu-job/training/step-graph.ts';
import { stepMemory, type StepMemory } from '../../shared/domain/step-memory.ts';
import { uniform } from './random-base.ts';

const [rows, length] = [2, 6];

/** Two rows of tokens: the first packs two segments and ignores two labels, the second ends in padding. */
const batch: Record<string, TensorValue> = {
  input_ids: integers([3, 10, 17, 24, 0, 7, 14, 21, 28, 4, 11, 0]),
  labels: integers([10, -100, 24, 2, 7, 30, 21, 28, 4, -100, -100, -100]),
  positions: integers([0, 1, 2, 0, 1, 2, 0, 1, 2, 3, 4, 0]),
  segments: integers([1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 0]),
};

/** For methods that ask whose row each token is: packed rows of two tasks, a row of the second, and padding of nobody. */
const tasks = integers([1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 0]);

function integers(values: readonly number[]): TensorValue {
  return { data: BigInt64Array.from(values, BigInt), dims: [rows, length] };
}

export const open = (
  model: TunedModel,
  float: 'float32' | 'float64',
  memory: StepMemory = stepMemory.fast,
): Promise<Session> =>
  createSession(trainGraph(model, memory, float), { float, weightsFolder: model.base.path, threads: 1 });

export function randomParameters(model: TunedModel): Promise<Map<string, Float64Array>> {
  const random = uniform(7);
  return Promise.resolve(
    new Map(
      methodInputs(model.method).map(({ name, shape }) => [
        name,
        Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.6 * (random() - 0.5)),
      ]),
    ),
  );
}

export function feeds(
  model: TunedModel,
  parameters: ReadonlyMap<string, Float64Array>,
  float: 'float32' | 'float64',
): Record<string, TensorValue> {
  const convert = (data: Float64Array): Float32Array | Float64Array =>
    float === 'float64' ? data : Float32Array.from(data);
  const tables = Object.entries(ropeFeed(model.spec)(length, batch['positions'] as TensorValue)).map(
    ([name, { data, dims }]) =>
      [
        name,
        data instanceof BigInt64Array ? { data, dims } : { data: convert(Float64Array.from(data)), dims },
      ] as const,
  );
  return {
    ...batch,
    ...(model.method?.sharesRows ? { tasks } : {}),
    ...Object.fromEntries(tables),
    loss_scale: { data: convert(Float64Array.of(1 / 8)), dims: [] },
    dropout_seed: { data: BigInt64Array.of(5n), dims: [] },
    ...Object.fromEntries(
      methodInputs(model.method).map(({ name, shape }) => [
        name,
        { data: convert(parameters.get(name) ?? new Float64Array()), dims: shape },
      ]),
    ),
  };
}

/** Worst relative error per tensor over at most 12 entries of each, spread over it, in float64. */
export async function worstError(
  model: TunedModel,
  parameters: ReadonlyMap<string, Float64Array>,
  memory?: StepMemory,
  checked: ReadonlySet<string> = new Set(requireMethod(model).parameters.map(({ name }) => name)),
): Promise<number> {
  const session = await open(model, 'float64', memory);
  const input = feeds(model, parameters, 'float64');
  const loss = async (): Promise<number> => Number((await session.run(input))['loss_sum']?.data[0]) / 8;
  const results = await session.run(input);
  let worst = 0;
  for (const [name, values] of parameters) {
    if (!checked.has(name)) continue;
    const gradient = results[gradientName(name)]?.data ?? [];
    const stride = Math.max(1, Math.floor(values.length / 12));
    const analytic: number[] = [];
    const numeric: number[] = [];
    for (let i = 0; i < values.length; i += stride) {
      const at = values[i] ?? 0;
      const step = 1e-5;
      values[i] = at + step;
      const above = await loss();
      values[i] = at - step;
      const below = await loss();
      values[i] = at;
      analytic.push(Number(gradient[i]));
      numeric.push((above - below) / (2 * step));
    }
    worst = Math.max(worst, relativeError(analytic, numeric));
  }
  await session.close();
  return worst;
}

export function relativeError(a: readonly number[], b: readonly number[]): number {
  const scale = Math.max(1e-4, ...a.map(Math.abs), ...b.map(Math.abs));
  return Math.max(...a.map((x, i) => Math.abs(x - (b[i] ?? Number.NaN)))) / scale;
}
