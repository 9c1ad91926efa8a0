import type { JobFailure } from './job-failure.ts';
import type { Generation, GenerationRequest } from './text-generator.ts';

/** A part of a model as a folder of this machine. */
export interface ModelFolder {
  readonly id: string;
  readonly folder: string;
}

/** What the process that generates texts is sent, one at a time. */
export interface GeneratorOrder extends Omit<GenerationRequest, 'base' | 'adapter'> {
  readonly base: ModelFolder;
  readonly adapter?: ModelFolder;
  /** Bytes of the files of both. */
  readonly sizeBytes: number;
  /** It gives up after so long. */
  readonly milliseconds: number;
}

/** What it answers. */
export type GeneratorReply =
  | { readonly type: 'done'; readonly generation: Generation }
  | { readonly type: 'failed'; readonly failure: JobFailure };
