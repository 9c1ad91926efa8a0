/** Where the time of a training step goes: kernel times of the fastest of some profiled steps, by kind of work. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTrainStep } from '../gpu-job/training/step-graph.ts';
import { smolLm135Config } from '../test/support/random-base.ts';
import { caseShape, caseText, prepareTrainCase } from './train-case.ts';

const steps = 8;

export async function benchProfile(): Promise<Record<string, unknown>> {
  const folder = await mkdtemp(join(tmpdir(), 'lorary-profile-'));
  try {
    const { model, takeStep } = await prepareTrainCase();
    const step = await createTrainStep(model, { profilePrefix: join(folder, 'trace') });
    const taken: Awaited<ReturnType<typeof takeStep>>[] = [];
    for (let i = 0; i < steps; i++) taken.push(await takeStep(step));
    await step.close();
    const [trace = ''] = await readdir(folder);
    const events = JSON.parse(await readFile(join(folder, trace), 'utf8')) as TraceEvent[]; // the runtime's own trace format
    const fastest = events
      .filter(({ name }) => name === 'model_run')
      .reduce((best, event) => (event.dur < best.dur ? event : best));
    const kernels = events.filter(
      ({ name, ts }) => name.endsWith('_kernel_time') && ts >= fastest.ts && ts <= fastest.ts + fastest.dur,
    );
    const milliseconds = new Map<string, number>();
    for (const { dur, args } of kernels)
      milliseconds.set(kindOf(args), (milliseconds.get(kindOf(args)) ?? 0) + dur / 1000);
    const inKernels = [...milliseconds.values()].reduce((sum, time) => sum + time, 0);
    const best = taken.reduce((least, one) => (one.runSeconds < least.runSeconds ? one : least));
    milliseconds.set('between kernels', fastest.dur / 1000 - inKernels);
    milliseconds.set('values in, gradients out', Math.max(0, best.runSeconds * 1000 - fastest.dur / 1000));
    milliseconds.set('making the batch', best.batchSeconds * 1000);
    milliseconds.set('clipping, AdamW', (best.seconds - best.runSeconds - best.batchSeconds) * 1000);
    const rows = [...milliseconds]
      .sort(([, a], [, b]) => b - a)
      .map(([kind, time]): [string, number] => [kind, Number(time.toFixed(1))]);
    return { bench: 'profile', shape: caseText, unit: 'ms', nodes: kernels.length, ...Object.fromEntries(rows) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface TraceEvent {
  readonly name: string;
  /** Start and length, microseconds. */
  readonly ts: number;
  readonly dur: number;
  readonly args: NodeArgs;
}

/** Shapes are lists of one-entry objects from element type to dimensions; prepacked weights are not among the inputs. */
interface NodeArgs {
  readonly op_name: string;
  readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
  readonly output_type_shape?: readonly Readonly<Record<string, readonly number[]>>[];
}

const products = new Set(['MatMul', 'FusedMatMul', 'Gemm']);
const movements = new Set(['Transpose', 'RotaryEmbedding', 'Reshape', 'Split', 'Concat', 'Gather', 'Expand']);
const { vocabulary, rank, length } = caseShape;

function kindOf({ op_name: op, input_type_shape: inputs = [], output_type_shape: outputs = [] }: NodeArgs): string {
  const shapes = [...inputs, ...outputs].flatMap((shape) => Object.values(shape));
  const has = (fits: (dims: readonly number[]) => boolean): boolean => shapes.some(fits);
  if (products.has(op)) {
    if (has((dims) => dims.length > 2)) return 'products of attention';
    if (has((dims) => dims.includes(vocabulary))) return 'products with the output embedding';
    // modules that read the same state share a product, three at most
    return has((dims) => dims.length === 2 && Math.min(...dims) <= 3 * rank)
      ? 'products with the adapters'
      : 'products with the frozen weights';
  }
  if (has((dims) => dims.includes(vocabulary)) && !movements.has(op)) return 'softmax of the logits';
  if (has((dims) => dims.length > 2 && dims.at(-1) === length))
    return 'mask, softmax and gradient of the attention scores';
  if (movements.has(op)) return 'moving and rotating';
  return has((dims) => dims.at(-1) === smolLm135Config.intermediate_size)
    ? 'gates of the MLP'
    : 'norms, sums of residuals, masks';
}
