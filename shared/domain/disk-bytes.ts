import type { SingleRequest } from '../contract/job-requests.ts';

/** What a job reads and makes, in counts. */
export interface DiskSubject {
  readonly request: SingleRequest;
  readonly baseBytes: number;
  readonly datasets: readonly { readonly rows: number; readonly sizeBytes: number }[];
  /** Values of the adapters that go in. */
  readonly adapterParameters: readonly number[];
  /** Values that a run trains; 0 where nothing is. */
  readonly trained: number;
}

/** Bytes that a job needs on the disk of its machine: all that it reads, what it keeps while it works, and what it makes. */
export function jobDiskBytes({ request, baseBytes, datasets, adapterParameters, trained }: DiskSubject): number {
  const adapters = 4 * sum(adapterParameters);
  const rows = sum(datasets.map(({ rows: count, sizeBytes }) => sizeBytes + storeBytes(count, sizeBytes / 4)));
  switch (request.kind) {
    case 'train':
      return baseBytes + rows + runBytes(request, trained);
    case 'evaluate':
      return baseBytes + adapters + rows;
    case 'generate':
      return baseBytes + adapters;
    case 'compose':
      return 2 * adapters;
    case 'merge':
    case 'export':
      return 2 * baseBytes + adapters;
  }
}

/** Rows as tokens: an int32 each, and three int32 a row. */
export const storeBytes = (rows: number, tokens: number): number => 4 * tokens + 12 * rows;

/** Checkpoints that are kept and the one that is being written, of values and two moments; the best values; and the result. */
export function runBytes(
  { checkpoint, evaluation }: Pick<Extract<SingleRequest, { kind: 'train' }>, 'checkpoint' | 'evaluation'>,
  trained: number,
): number {
  const { patience, keep = patience === undefined ? 'last' : 'best' } = evaluation;
  const each = 3 + Number(keep === 'best');
  return 4 * trained * (each * (checkpoint.keep + 1) + 1);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
