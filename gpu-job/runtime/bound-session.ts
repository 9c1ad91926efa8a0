import { invariant } from '../../shared/errors.ts';
import type { Graph } from '../graph/builder.ts';
import { lowerGraph } from '../graph/lower.ts';
import { encodeOnnx } from '../graph/onnx.ts';
import type { BoundValue } from './bound-value.ts';
import type { Handle, OrtApi } from './ort-api.ts';
import { refuseUnplaced } from './placement.ts';
import { sessionOptions, type SessionOptions } from './session.ts';

export interface BoundSessionOptions extends Omit<SessionOptions, 'device'> {
  /** Where the graph runs and its results stay; default the processor. */
  readonly device?: BoundDevice;
  /** Whether kernels are taken that repeat themselves to the bit, where there are others. */
  readonly deterministic?: boolean;
  /** Results that come to the host; all others stay on the device. */
  readonly hostOutputs?: readonly string[];
}

export type BoundDevice =
  | { readonly kind: 'cpu' }
  | {
      readonly kind: 'cuda';
      readonly index: number;
      /** Of the provider, by its names: `gpu_mem_limit` (bytes), `arena_extend_strategy`, `use_tf32`, `cudnn_conv_algo_search`. */
      readonly settings?: Readonly<Record<string, string>>;
    };

/** A session whose inputs are bound once and read at every run, and whose results stay where they were computed. */
export interface BoundSession {
  /** Names of the inputs that the graph really reads, and of its results. */
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Binds an input until it is bound to another value, which must live as long. What lies in the memory of the host goes to another device
   * once, here. An input that the graph does not read may be given.
   */
  bind(name: string, value: BoundValue): void;
  /** Runs once. The caller releases the results. Throws when an input is not bound. Blocks its thread. */
  run(): ReadonlyMap<string, BoundValue>;
  /** Bytes that were bound from the host, and that came to it as results. */
  readonly traffic: { readonly up: number; readonly down: number };
  close(): void;
}

/** Compiles a graph for a device by the C API of the runtime. Throws `DomainError('placement')` where a GPU has no kernel for a node. */
export function createBoundSession(api: OrtApi, graph: Graph, options: BoundSessionOptions = {}): BoundSession {
  const { device = { kind: 'cpu' }, hostOutputs = [] } = options;
  const { compute = 'float32' } = options;
  const model = lowerGraph(graph, 'float32', { compute, device: device.kind });
  if (device.kind === 'cuda') refuseUnplaced(model);
  const session = openSession(api, encodeOnnx(model), options, device);
  const [inputNames, outputNames] = [api.names('Input', session), api.names('Output', session)];
  const binding = api.make('CreateIoBinding', session);
  const runOptions = api.make('CreateRunOptions');
  const own =
    device.kind === 'cpu'
      ? undefined
      : api.make('CreateMemoryInfo', 'Cuda', deviceAllocator, device.index, defaultMemory);
  const memoryOf = (name: string): Handle => (hostOutputs.includes(name) ? api.hostMemory : (own ?? api.hostMemory));
  const traffic = { up: 0, down: 0 };
  const bound = new Set<string>();
  return {
    inputNames,
    outputNames,
    traffic,
    bind(name, value) {
      if (!inputNames.includes(name)) return;
      api.call('BindInput', binding, name, value.handle);
      bound.add(name);
      traffic.up += value.hostBytes;
    },
    run() {
      for (const name of inputNames) invariant(bound.has(name), `the graph input ${name} is bound`);
      // what came out before belongs to whoever took it; still bound, it would be written over
      api.release('ClearBoundOutputs', binding);
      for (const name of outputNames) api.call('BindOutputToDevice', binding, name, memoryOf(name));
      api.call('RunWithBinding', session, runOptions, binding);
      const results = new Map<string, BoundValue>();
      for (const [i, handle] of api.handles('GetBoundOutputValues', binding).entries()) {
        const name = outputNames[i];
        invariant(name !== undefined, 'there is a result for each name');
        results.set(name, { handle, hostBytes: 0, release: () => api.release('ReleaseValue', handle) });
        if (hostOutputs.includes(name)) traffic.down += 4 * api.dims(handle).reduce((product, dim) => product * dim, 1);
      }
      return results;
    },
    close() {
      api.release('ReleaseIoBinding', binding);
      api.release('ReleaseRunOptions', runOptions);
      if (own !== undefined) api.release('ReleaseMemoryInfo', own);
      api.release('ReleaseSession', session);
    },
  };
}

/** `OrtDeviceAllocator` and `OrtMemTypeDefault`. */
const deviceAllocator = 0;
const defaultMemory = 0;

function openSession(api: OrtApi, model: Uint8Array, options: BoundSessionOptions, device: BoundDevice): Handle {
  const settings = api.make('CreateSessionOptions');
  try {
    applySettings(api, settings, options);
    if (device.kind === 'cuda') appendCuda(api, settings, device);
    return api.make('CreateSessionFromArray', api.environment, model, model.length, settings);
  } finally {
    api.release('ReleaseSessionOptions', settings);
  }
}

/** What the Node binding is told of a session, told to the C API. */
function applySettings(api: OrtApi, settings: Handle, options: BoundSessionOptions): void {
  const { graphOptimizationLevel, enableMemPattern, logSeverityLevel, intraOpNumThreads, extra } = sessionOptions(
    'float32',
    { ...options, device: 'cpu' }, // providers are appended apart
  );
  invariant(
    graphOptimizationLevel === 'all' && enableMemPattern === false,
    'these are the settings of every float32 session',
  );
  api.call('SetSessionGraphOptimizationLevel', settings, optimizeAll);
  api.call('DisableMemPattern', settings);
  api.call('SetSessionLogSeverityLevel', settings, logSeverityLevel);
  if (intraOpNumThreads !== undefined) api.call('SetIntraOpNumThreads', settings, intraOpNumThreads);
  if (options.deterministic) api.call('SetDeterministicCompute', settings, true);
  for (const [key, value] of entriesOf(extra ?? {})) api.call('AddSessionConfigEntry', settings, key, value);
}

/** The binding writes groups of entries as objects in objects, the library with dots. */
function entriesOf(group: object, path = ''): [string, string][] {
  return Object.entries(group).flatMap(([key, value]: [string, unknown]) =>
    typeof value === 'object' && value !== null
      ? entriesOf(value, `${path}${key}.`)
      : [[`${path}${key}`, String(value)] as [string, string]],
  );
}

function appendCuda(api: OrtApi, settings: Handle, device: Extract<BoundDevice, { kind: 'cuda' }>): void {
  const entries = Object.entries({ ...device.settings, device_id: String(device.index) });
  const cuda = api.make('CreateCUDAProviderOptions');
  try {
    const [keys, values] = [entries.map(([key]) => key), entries.map(([, value]) => value)];
    api.call('UpdateCUDAProviderOptions', cuda, keys, values, entries.length);
    api.call('SessionOptionsAppendExecutionProvider_CUDA_V2', settings, cuda);
  } finally {
    api.release('ReleaseCUDAProviderOptions', cuda);
  }
}

/** `ORT_ENABLE_ALL`. */
const optimizeAll = 99;
