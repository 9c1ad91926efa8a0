import type { Finding } from '../errors.ts';

/**
 * What a running job tells, in order. The first event of `train` is `run`; the rest come as they happen. Times are seconds,
 * losses nats per token.
 */
export type JobEvent =
  | { readonly type: 'finding'; readonly finding: Finding }
  /** How much there is to do, known before the first step. `firstStep` is above 1 when a run continues from a checkpoint. */
  | {
      readonly type: 'run';
      /** Of several that are trained at once, the one that is meant; here and below. */
      readonly task?: string;
      readonly firstStep: number;
      readonly steps: number;
      readonly rows: number;
      readonly evalRows: number;
      /** Tokens of one pass over the rows, and how many of them are labels. */
      readonly tokens: number;
      readonly trainedTokens: number;
      readonly trainableParameters: number;
      /** How steps are computed, what they take, and why so; absent in what older versions wrote. */
      readonly memory?: string;
    }
  | {
      readonly type: 'step';
      readonly task?: string;
      readonly step: number;
      readonly steps: number;
      readonly epoch: number;
      readonly loss: number;
      readonly learningRate: number;
      readonly gradientNorm: number;
      readonly tokensPerSecond: number;
      readonly secondsLeft: number;
    }
  | {
      readonly type: 'eval';
      readonly task?: string;
      readonly step: number;
      readonly loss: number;
      readonly tokenAccuracy: number;
    }
  | { readonly type: 'sample'; readonly step: number; readonly prompt: string; readonly text: string }
  /** `others`: those of the other tasks that are trained with it, and from which the run goes on together. */
  | { readonly type: 'checkpoint'; readonly step: number; readonly path: string; readonly others?: readonly string[] }
  /** Part of a job without steps: `done` of `total` `unit`s. */
  | {
      readonly type: 'progress';
      readonly stage: string;
      readonly done: number;
      readonly total: number;
      readonly unit: string;
    }
  /** A piece of the text that answers the prompt of this index. */
  | { readonly type: 'text'; readonly prompt: number; readonly piece: string };
