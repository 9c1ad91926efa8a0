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
  const rows = sum(datasets.map(({ rows: count, sizeBytes }) => sizeBytes + storeBytes(count, sizeBytes)));
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

/** Rows as tokens: an int32 each at four bytes of text a token, and three int32 a row. */
const storeBytes = (rows: number, sizeBytes: number): number => 4 * (sizeBytes / 4) + 12 * rows;

/** Checkpoints that are kept and the one that is being written, of values and two moments; the best values; and the result. */
function runBytes({ checkpoint, evaluation }: Extract<SingleRequest, { kind: 'train' }>, trained: number): number {
  const { patience, keep = patience === undefined ? 'last' : 'best' } = evaluation;
  const each = 3 + Number(keep === 'best');
  return 4 * trained * (each * (checkpoint.keep + 1) + 1);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
