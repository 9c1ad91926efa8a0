import { createRequire } from 'node:module';
import { join } from 'node:path';
import { DomainError, invariant, UnavailableError } from '../../shared/errors.ts';
import type { InstalledRuntime } from './installed-runtime.ts';
import { installedRuntime } from './installed-runtime.ts';
import { switchTelemetryOff } from './no-telemetry.ts';
import { coreName } from './runtime-files.ts';

/** Address of something that the library made; 0n is none. */
export type Handle = bigint;

/** The C API of the runtime, for what its Node binding cannot do: values that stay in the memory of a device between runs. */
export interface OrtApi {
  /** Calls a function whose last argument is where it writes a handle. Throws what the runtime says. */
  make(name: Making, ...args: readonly unknown[]): Handle;
  /** Calls a function that gives nothing back. Throws what the runtime says. */
  call(name: Calling, ...args: readonly unknown[]): void;
  release(name: Releasing, handle: Handle): void;
  /** Handles that the library keeps in an array of its own, which is freed. */
  handles(name: 'GetBoundOutputValues', binding: Handle): readonly Handle[];
  /** Names of the inputs or outputs of a session, in its order. */
  names(what: 'Input' | 'Output', session: Handle): readonly string[];
  /** The dimensions of a tensor. */
  dims(value: Handle): readonly number[];
  /** The bytes of a tensor in the memory of the process, for as long as its handle stands. */
  bytes(value: Handle, length: number): ArrayBuffer;
  /** Of the process: every session is made in it. */
  readonly environment: Handle;
  /** Where arrays of ours are. */
  readonly hostMemory: Handle;
  /** The API must not be used afterwards. */
  close(): void;
}

/**
 * Opens the very library that `onnxruntime-node` brings. Throws `UnavailableError` where nothing can call it (`koffi` is an optional
 * dependency), `DomainError('core-version')` when it is missing or not of the version that its package says.
 */
export function openOrtApi(runtime: InstalledRuntime = installedRuntime()): OrtApi {
  switchTelemetryOff();
  const koffi = loadKoffi();
  const path = join(runtime.folder, coreName);
  const [getApi, getVersion] = baseOf(koffi, path);
  const version = koffi.call(getVersion, koffi.proto('const char *(void)'));
  if (version !== runtime.version)
    throw new DomainError(
      'core-version',
      `${path} is of ${String(version)}, its package of ${runtime.version}: install again with npm ci.`,
    );
  const api = koffi.call(getApi, koffi.proto('void *(uint32_t)'), apiVersion);
  invariant(typeof api === 'bigint' && api !== 0n, `the runtime speaks version ${apiVersion} of its API`);
  return bindApi(koffi, api);
}

/** Whether the C API can be called here. */
export function canCallOrtApi(): boolean {
  try {
    loadKoffi();
    return true;
  } catch {
    return false;
  }
}

function bindApi(koffi: Koffi, api: Handle): OrtApi {
  const places = Object.values(functions).map(([place]) => place);
  const table = koffi.decode(api, koffi.array('void *', 1 + Math.max(...places))) as readonly Handle[];
  const bound = new Map<string, (...args: readonly unknown[]) => unknown>();
  const raw = (name: keyof typeof functions): ((...args: readonly unknown[]) => unknown) => {
    const known = bound.get(name);
    if (known) return known;
    const [place, signature] = functions[name];
    const address = table[place];
    invariant(address !== undefined, `${name} has an address`);
    const made = koffi.decode(address, koffi.proto(signature)) as (...args: readonly unknown[]) => unknown;
    bound.set(name, made);
    return made;
  };
  const call: OrtApi['call'] = (name, ...args) => {
    const status = raw(name)(...args) as Handle | null;
    if (status === null) return;
    const message = String(raw('GetErrorMessage')(status));
    raw('ReleaseStatus')(status);
    throw new Error(`${name}: ${message}`);
  };
  const written = (name: Making | Calling, ...args: readonly unknown[]): unknown => {
    const out: [unknown] = [null];
    call(name, ...args, out);
    return out[0];
  };
  const make: OrtApi['make'] = (name, ...args) => {
    const handle = written(name, ...args);
    invariant(typeof handle === 'bigint', `${name} gives a handle`);
    return handle;
  };
  const allocator = make('GetAllocatorWithDefaultOptions');
  const environment = make('CreateEnv', logSeverity, 'lorary');
  const hostMemory = make('CreateCpuMemoryInfo', arenaAllocator, defaultMemory);
  return {
    environment,
    hostMemory,
    close() {
      raw('ReleaseMemoryInfo')(hostMemory);
      raw('ReleaseEnv')(environment);
    },
    make,
    call,
    release: (name, handle) => void raw(name)(handle),
    handles(name, binding) {
      const [array, count]: [[Handle | null], [unknown]] = [[null], [null]];
      call(name, binding, allocator, array, count);
      const [at] = array;
      if (at === null) return [];
      const found = koffi.decode(at, koffi.array('void *', Number(count[0]))) as readonly Handle[];
      call('AllocatorFree', allocator, at);
      return found;
    },
    names(what, session) {
      const count = Number(written(`SessionGet${what}Count`, session));
      return Array.from({ length: count }, (_, i) => {
        const text = make(`SessionGet${what}Name`, session, i, allocator);
        const name = koffi.decode.string(text);
        call('AllocatorFree', allocator, text);
        return name;
      });
    },
    dims(value) {
      const info = make('GetTensorTypeAndShape', value);
      try {
        const dims = new BigInt64Array(Number(written('GetDimensionsCount', info)));
        call('GetDimensions', info, dims, dims.length);
        return Array.from(dims, Number);
      } finally {
        raw('ReleaseTensorTypeAndShapeInfo')(info);
      }
    },
    bytes: (value, length) => koffi.view(make('GetTensorMutableData', value), length),
  };
}

/** Errors and worse. */
const logSeverity = 3;
/** `OrtArenaAllocator` and `OrtMemTypeDefault`. */
const arenaAllocator = 1;
const defaultMemory = 0;
/** Has all that is called; the runtime answers to every version up to its own. */
const apiVersion = 24;

/**
 * Places in `OrtApi`, which only ever grows at its end, and signatures, from `onnxruntime_c_api.h`. Everything but releases returns a status,
 * null where all went well.
 */
const functions = {
  GetErrorMessage: [2, 'const char *(void *status)'],
  CreateEnv: [3, 'void *(int severity, const char *id, _Out_ void **out)'],
  CreateSessionFromArray: [8, 'void *(void *env, const void *model, size_t length, void *options, _Out_ void **out)'],
  CreateSessionOptions: [10, 'void *(_Out_ void **out)'],
  DisableMemPattern: [17, 'void *(void *options)'],
  SetSessionLogSeverityLevel: [22, 'void *(void *options, int severity)'],
  SetSessionGraphOptimizationLevel: [23, 'void *(void *options, int level)'],
  SetIntraOpNumThreads: [24, 'void *(void *options, int threads)'],
  SessionGetInputCount: [30, 'void *(void *session, _Out_ size_t *out)'],
  SessionGetOutputCount: [31, 'void *(void *session, _Out_ size_t *out)'],
  SessionGetInputName: [36, 'void *(void *session, size_t index, void *allocator, _Out_ void **out)'],
  SessionGetOutputName: [37, 'void *(void *session, size_t index, void *allocator, _Out_ void **out)'],
  CreateRunOptions: [39, 'void *(_Out_ void **out)'],
  CreateTensorWithDataAsOrtValue: [
    49,
    'void *(void *info, void *data, size_t bytes, int64_t *dims, size_t rank, int type, _Out_ void **out)',
  ],
  GetTensorMutableData: [51, 'void *(void *value, _Out_ void **out)'],
  GetDimensionsCount: [61, 'void *(void *info, _Out_ size_t *out)'],
  GetDimensions: [62, 'void *(void *info, int64_t *dims, size_t rank)'],
  GetTensorTypeAndShape: [65, 'void *(void *value, _Out_ void **out)'],
  CreateMemoryInfo: [68, 'void *(const char *name, int allocator, int id, int type, _Out_ void **out)'],
  CreateCpuMemoryInfo: [69, 'void *(int allocator, int type, _Out_ void **out)'],
  AllocatorFree: [76, 'void *(void *allocator, void *memory)'],
  GetAllocatorWithDefaultOptions: [78, 'void *(_Out_ void **out)'],
  ReleaseEnv: [92, 'void (void *env)'],
  ReleaseStatus: [93, 'void (void *status)'],
  ReleaseMemoryInfo: [94, 'void (void *info)'],
  ReleaseSession: [95, 'void (void *session)'],
  ReleaseValue: [96, 'void (void *value)'],
  ReleaseRunOptions: [97, 'void (void *options)'],
  ReleaseTensorTypeAndShapeInfo: [99, 'void (void *info)'],
  ReleaseSessionOptions: [100, 'void (void *options)'],
  AddSessionConfigEntry: [130, 'void *(void *options, const char *key, const char *value)'],
  RunWithBinding: [133, 'void *(void *session, void *options, void *binding)'],
  CreateIoBinding: [134, 'void *(void *session, _Out_ void **out)'],
  ReleaseIoBinding: [135, 'void (void *binding)'],
  BindInput: [136, 'void *(void *binding, const char *name, void *value)'],
  BindOutputToDevice: [138, 'void *(void *binding, const char *name, void *info)'],
  GetBoundOutputValues: [140, 'void *(void *binding, void *allocator, _Out_ void **out, _Out_ size_t *count)'],
  ClearBoundOutputs: [142, 'void (void *binding)'],
  SessionOptionsAppendExecutionProvider_CUDA_V2: [204, 'void *(void *options, void *cuda)'],
  CreateCUDAProviderOptions: [205, 'void *(_Out_ void **out)'],
  UpdateCUDAProviderOptions: [206, 'void *(void *cuda, const char **keys, const char **values, size_t count)'],
  ReleaseCUDAProviderOptions: [208, 'void (void *cuda)'],
  SetDeterministicCompute: [273, 'void *(void *options, bool value)'],
} as const satisfies Readonly<Record<string, readonly [place: number, signature: string]>>;

type Name = keyof typeof functions;
type Releasing = Extract<Name, `Release${string}` | 'ClearBoundOutputs'>;
type Making = Exclude<
  Extract<Name, `Create${string}` | `Get${string}` | `SessionGet${string}Name`>,
  'GetErrorMessage' | 'GetDimensions' | 'GetBoundOutputValues'
>;
type Calling = Exclude<Name, Releasing | 'GetErrorMessage'>;

/** What is used of `koffi`, which is not everywhere: pointers are bigints, and null where they point to nothing. */
interface Koffi {
  load(path: string): { func(definition: string): () => Handle };
  proto(definition: string): object;
  array(type: string, length: number): object;
  call(address: Handle, type: object, ...args: readonly unknown[]): unknown;
  readonly decode: { (address: Handle, type: object): unknown; string(address: Handle): string };
  view(address: Handle, bytes: number): ArrayBuffer;
}

function loadKoffi(): Koffi {
  try {
    return createRequire(import.meta.url)('koffi') as Koffi; // as its own types have it
  } catch (cause) {
    throw new UnavailableError(
      'The C API of the runtime cannot be called: koffi is not installed. Install it with npm ci --include=optional, or keep what is trained in the memory of the host.',
      { cause },
    );
  }
}

function baseOf(koffi: Koffi, path: string): readonly [Handle, Handle] {
  const base = libraryOf(koffi, path).func('void *OrtGetApiBase()')();
  return koffi.decode(base, koffi.array('void *', 2)) as [Handle, Handle]; // GetApi, GetVersionString
}

function libraryOf(koffi: Koffi, path: string): ReturnType<Koffi['load']> {
  try {
    return koffi.load(path);
  } catch (cause) {
    throw new DomainError('core-version', `${path} cannot be loaded: install onnxruntime-node again with npm ci.`, {
      cause,
    });
  }
}
