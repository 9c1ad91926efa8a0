import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { DomainError, invariant } from '../../shared/errors.ts';
import type { FloatType, Graph } from '../graph/builder.ts';
import type { Compute } from '../../shared/methods/compute.ts';
import { lowerGraph } from '../graph/lower.ts';
import { encodeOnnx } from '../graph/onnx.ts';
import { cudaHelp } from './ask-gpu.ts';
import type { Device } from './device.ts';
import { refuseUnplaced } from './placement.ts';
import { switchTelemetryOff } from './no-telemetry.ts';

/** Values that cross the border of a graph. Booleans are bytes 0 and 1. */
export type TensorData = Float32Array | Float64Array | BigInt64Array | Uint8Array;

export interface TensorValue {
  readonly data: TensorData;
  readonly dims: readonly number[];
}

export interface SessionOptions {
  /** Element type of the graph's arithmetic; float64 is for gradient checks. */
  readonly float?: FloatType;
  /** Type in which a float32 graph multiplies; default float32. */
  readonly compute?: Compute;
  /** Default: the processor. */
  readonly device?: Device;
  /** Folder that holds the files of external weights. */
  readonly weightsFolder?: string;
  /** Threads of one operator; 0 or absent: all cores. */
  readonly threads?: number;
  /**
   * Whether products read frozen weights from a float32 copy in the order they like (default), or from the file itself, converted piece by
   * piece where they are stored in another type. That is somewhat slower.
   */
  readonly prepack?: boolean;
  /** Writes a Chrome trace of every node to this path prefix, when the session closes. */
  readonly profilePrefix?: string;
}

export interface Session {
  /** Names of the inputs that the graph really reads. */
  readonly inputNames: readonly string[];
  /** Runs the graph once. Blocks its thread: call it from a worker. Inputs the graph does not read may be present. */
  run(feeds: Readonly<Record<string, TensorValue>>): Promise<Record<string, TensorValue>>;
  close(): Promise<void>;
}

/**
 * Compiles a graph for a device. On the CPU weights stay memory-mapped in their files; only what the kernels repack is copied, unless they may
 * not. Throws `DomainError('cuda')` where a GPU is asked for that cannot be used, and `DomainError('placement')` naming the nodes that it has no
 * kernel for: the runtime would compute them on the CPU and say nothing.
 */
export async function createSession(graph: Graph, options: SessionOptions = {}): Promise<Session> {
  switchTelemetryOff();
  const { float = 'float32', compute = 'float32', device = 'cpu' } = options;
  const model = lowerGraph(graph, float, { compute, device: device === 'cpu' ? device : 'cuda' });
  if (device !== 'cpu') refuseUnplaced(model);
  const session = await InferenceSession.create(encodeOnnx(model), sessionOptions(float, options)).catch(
    (error: unknown) => {
      throw device === 'cpu' ? error : unusable(device, error);
    },
  );
  return {
    inputNames: session.inputNames,
    async run(feeds) {
      const inputs: Record<string, OrtTensor> = {};
      for (const name of session.inputNames) {
        const value = feeds[name];
        invariant(value, `the graph input ${name} is fed`);
        inputs[name] = toOrt(value);
      }
      const results = await session.run(inputs);
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(name, tensor)]));
    },
    async close() {
      if (options.profilePrefix) session.endProfiling();
      await session.release();
    },
  };
}

/**
 * Rewritings of the runtime that cost time. The first two make a product accumulate into a matrix, which it first copies on one
 * thread; the third gives products a transposed left operand, which is repacked element by element.
 */
const slowerFusions = ['MatMulAddFusion', 'GemmSumFusion', 'MatmulTransposeFusion'];

/** Rewritings that make weights of another type float32 before the graph runs, and one copy of those that two parts of it convert. */
const copyingRewritings = [
  'ConstantFolding',
  'CommonSubexpressionElimination',
  'FuseFp16InitializerToFp32NodeTransformer',
];

function unusable({ cuda }: Exclude<Device, 'cpu'>, cause: unknown): DomainError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new DomainError('cuda', `GPU ${cuda} cannot be used: ${reason}. ${cudaHelp}`, { cause });
}

/** Settings of the runtime for a session. */
export function sessionOptions(float: FloatType, options: SessionOptions): InferenceSession.SessionOptions {
  const { device = 'cpu' } = options;
  const withoutRewritings = [...slowerFusions, ...(options.prepack === false ? copyingRewritings : [])];
  return {
    executionProviders: device === 'cpu' ? ['cpu'] : [{ name: 'cuda', deviceId: device.cuda }],
    // the highest level rewrites float64 graphs with kernels that exist for float32 only
    graphOptimizationLevel: float === 'float64' ? 'basic' : 'all',
    // planning one big block per shape costs over a gigabyte at 135M parameters and gains no speed
    enableMemPattern: false,
    logSeverityLevel: 3,
    ...(options.threads ? { intraOpNumThreads: options.threads } : {}),
    ...(options.profilePrefix ? { enableProfiling: true, profileFilePrefix: options.profilePrefix } : {}),
    extra: {
      optimization: { disable_specified_optimizers: withoutRewritings.join(';') },
      session: {
        ...(options.weightsFolder ? { model_external_initializers_file_folder_path: options.weightsFolder } : {}),
        ...(options.prepack === false ? { disable_prepacking: '1' } : {}),
      },
    },
  };
}

function toOrt({ data, dims }: TensorValue): OrtTensor {
  if (data instanceof Float32Array) return new OrtTensor('float32', data, dims);
  if (data instanceof Float64Array) return new OrtTensor('float64', data, dims);
  if (data instanceof BigInt64Array) return new OrtTensor('int64', data, dims);
  return new OrtTensor('bool', data, dims);
}

function fromOrt(name: string, { data, dims }: OrtTensor): TensorValue {
  if (
    data instanceof Float32Array ||
    data instanceof Float64Array ||
    data instanceof BigInt64Array ||
    data instanceof Uint8Array
  )
    return { data, dims };
  throw new DomainError('graph-output', `The graph output ${name} has an element type that cannot leave the graph.`);
}

/** A float32 value of a session's result. */
export function float32Of(results: Readonly<Record<string, TensorValue>>, name: string): Float32Array {
  const data = results[name]?.data;
  invariant(data instanceof Float32Array, `${name} is a float32 result`);
  return data;
}
