import type { SingleRequest } from '../contract/job-requests.ts';

/** What a job makes, in counts. */
export interface LeavingSubject {
  readonly request: SingleRequest;
  readonly baseBytes: number;
  /** Of the base. */
  readonly parameters: number;
  /** Values of the adapters that go in. */
  readonly adapterParameters: readonly number[];
  /** Values that a run trains; 0 where nothing is. */
  readonly trained: number;
}

/** Bytes that a job may leave in the store. */
export interface LeftBytes {
  /** Of each version or base that it makes, in the order of their ids. */
  readonly outputBytes: readonly number[];
  /** Of what goes some time after its end: checkpoints, exported files. */
  readonly traceBytes: number;
}

/** What is reserved for a job in the store: meant to be above what comes, and no limit, for what does come is counted by itself. */
export function leftBytes(subject: LeavingSubject): LeftBytes {
  const { request, baseBytes, parameters, adapterParameters, trained } = subject;
  const adapters = 4 * adapterParameters.reduce((total, value) => total + value, 0);
  switch (request.kind) {
    case 'train': {
      const { outputDtype, method } = request;
      const model = outputDtype ? bytesOfValue[outputDtype] * parameters : baseBytes;
      return {
        // where factors were taken from the base, what is written has twice as many
        outputBytes: [Math.ceil(method.kind === 'full' ? model + besideModelBytes : 2 * 4 * trained + besideBytes)],
        // values, two moments and the best values, of the last checkpoint and the one that takes its place
        traceBytes: Math.ceil(2 * (4 * 4 * trained + besideBytes)),
      };
    }
    case 'compose':
      return { outputBytes: [adapters + besideBytes], traceBytes: 0 };
    case 'merge': {
      const model = request.dtype === 'keep' ? baseBytes : bytesOfValue[request.dtype] * parameters;
      return { outputBytes: [Math.ceil(Math.max(model, baseBytes) + besideModelBytes)], traceBytes: 0 };
    }
    case 'export': {
      const isModel = request.adapter === undefined || request.format === 'merged-gguf';
      const model = bytesOfValue[request.dtype ?? 'f16'] * parameters + besideModelBytes;
      return { outputBytes: [], traceBytes: Math.ceil(isModel ? model : 2 * adapters + besideBytes) };
    }
    case 'evaluate':
    case 'generate':
      return { outputBytes: [], traceBytes: 0 };
  }
}

/** All of it. */
export const bytesLeft = ({ outputBytes, traceBytes }: LeftBytes): number =>
  outputBytes.reduce((total, bytes) => total + bytes, traceBytes);

/** Of `q8_0` with its scales. */
const bytesOfValue = { f32: 4, bf16: 2, f16: 2, q8_0: 34 / 32 } as const;
/** Config, card, recipe and header of an adapter. */
const besideBytes = 1_000_000;
/** The tokenizer of Llama 3 has 17 MB. */
const besideModelBytes = 40_000_000;
