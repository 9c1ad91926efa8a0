import type { Dataset } from '../contract/datasets.ts';
import type { SingleRequest } from '../contract/job-requests.ts';
import type { BaseTensor } from './base-modules.ts';

/** What is known of a job before it runs. */
export interface EstimateSubject {
  readonly request: SingleRequest;
  readonly baseBytes: number;
  readonly parameters: number;
  readonly contextTokens: number | null;
  readonly tensors: readonly BaseTensor[];
  /** Of the rows that are trained on or measured, then of the held-out ones. */
  readonly datasets: readonly {
    readonly rows: number;
    readonly sizeBytes: number;
    /** Of a conversation, a template may make several rows. */
    readonly format: NonNullable<Dataset['format']>;
  }[];
  /** Those that are mixed into the first, in the order of the request; absent: none. */
  readonly mix?: EstimateSubject['datasets'];
  /** Values of the adapters that go in. */
  readonly adapterParameters: readonly number[];
}

/** Text in English has about four bytes a token; markup, code and other scripts have fewer. */
export const tokensOf = (data: { readonly sizeBytes: number } | undefined): number => (data?.sizeBytes ?? 0) / 4;

/** Whether matrices of the base are packed in few bits. */
export const isPacked = ({ tensors }: Pick<EstimateSubject, 'tensors'>): boolean =>
  tensors.some(({ dtype, shape }) => shape.length === 2 && (dtype === 'U8' || dtype === 'I8'));
