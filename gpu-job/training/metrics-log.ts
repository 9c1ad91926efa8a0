import { open, stat, type FileHandle } from 'node:fs/promises';
import { DomainError } from '../../shared/errors.ts';

/** A line of `metrics.jsonl`. Losses are nats per token. */
export type MetricsLine =
  | {
      readonly step: number;
      readonly epoch: number;
      readonly loss: number;
      readonly learningRate: number;
      readonly gradientNorm: number;
      readonly labels: number;
      readonly tokens: number;
      readonly tokensPerSecond: number;
    }
  /** A step whose gradient was a spike: the parameters stayed as they were. Null: no number. */
  | { readonly step: number; readonly skipped: true; readonly gradientNorm: number | null }
  | EvalLine
  | { readonly step: number; readonly prompt: string; readonly sample: string };

/** Held-out figures of the weights after a step. */
export interface EvalLine {
  readonly step: number;
  readonly evalLoss: number;
  readonly evalTokenAccuracy: number;
  /** Of the very weights that were written, where those are not the ones after the last step. */
  readonly written?: true;
}

/** Appends lines to `metrics.jsonl`. */
export interface MetricsLog {
  append(line: MetricsLine): Promise<void>;
  /** Makes what was appended last, and returns the file's length in bytes. */
  flush(): Promise<number>;
  close(): Promise<void>;
}

/**
 * Opens a metrics file at the length that a checkpoint recorded: lines beyond it belong to steps that will be done again and
 * are cut off. Throws `DomainError('metrics-short')` when the file is shorter than that.
 */
export async function openMetricsLog(path: string, lengthBytes: number): Promise<MetricsLog> {
  const present = (await stat(path).catch(() => undefined))?.size ?? 0;
  if (present < lengthBytes)
    throw new DomainError(
      'metrics-short',
      `${path} has ${present} bytes, but the checkpoint was written at ${lengthBytes}: the run's folder is not whole.`,
    );
  const handle: FileHandle = await open(path, 'a');
  await handle.truncate(lengthBytes);
  let length = lengthBytes;
  return {
    async append(line) {
      const bytes = new TextEncoder().encode(`${JSON.stringify(line)}\n`);
      await handle.appendFile(bytes);
      length += bytes.byteLength;
    },
    async flush() {
      await handle.sync();
      return length;
    },
    close: () => handle.close(),
  };
}
