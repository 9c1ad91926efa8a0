import type { Compute } from '../methods/compute.ts';
import type { Finding } from '../errors.ts';
import type { ExportFormat } from './specs/export.ts';
import type { SweepSettings } from './specs/sweep.ts';
import type { QuantizeType } from './specs/quantize.ts';

/** What the jobs report when they are done: plain JSON. Losses are nats per label, times seconds. */

export interface FileReport {
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface SampleReport {
  readonly step: number;
  readonly prompt: string;
  readonly text: string;
}

/** What an adapter has learnt and what it has forgotten, by the share of its update that is applied. A loss that is no number is null. */
export interface ForgettingReport {
  /** First rows of the task that were scored at every scale, and those of the general text. */
  readonly taskRows: number;
  readonly generalRows: number;
  /** `built-in`, or the name of the file. */
  readonly generalText: string;
  readonly scales: readonly {
    /** What the update is multiplied by: 0 is the base, 1 the adapter as it is. */
    readonly scale: number;
    readonly taskLoss: number | null;
    /** Loss of the base less that of this scale, on the task. */
    readonly gain: number | null;
    readonly generalLoss: number | null;
    /** Loss of this scale less that of the base, on the general text. */
    readonly forgotten: number | null;
  }[];
  /** Where gain less forgotten is largest: a nat a token of one counts as much as one of the other. */
  readonly bestScale: number;
  /** Where the loss on the task is lowest. */
  readonly bestTaskScale: number;
  /** Tokens that went through the model for this. */
  readonly tokens: number;
  readonly seconds: number;
}

/** What a run on a mixture has seen of one dataset. */
export interface DatasetShare {
  readonly name: string;
  readonly weight: number;
  readonly rows: number;
  /** Rows that were trained on, repeated ones counted again. */
  readonly seen: number;
  /** Of all rows that were trained on, and of their tokens. */
  readonly shareOfRows: number;
  readonly shareOfTokens: number;
  /** How often it was read. */
  readonly passes: number;
}

export interface TrainReport {
  readonly kind: 'train';
  readonly output: string;
  readonly method: 'lora' | 'full';
  /** What the run went on from; absent: from the base alone. */
  readonly from?: { readonly name: string; readonly keepsMoments: boolean };
  /** Steps done: fewer than planned where the run ended early. */
  readonly steps: number;
  readonly endedEarly: boolean;
  /** `budget`: its allowance was spent before its last step; absent: it came to its end. */
  readonly stoppedBy?: 'budget';
  /** After which of them the written weights stood. */
  readonly writtenStep: number;
  /** Checkpoints that stay, where the run was asked to keep any: in `<output>.checkpoints`. */
  readonly checkpoints?: readonly { readonly step: number; readonly best: boolean }[];
  /** Of them, those whose gradient was a spike and was left out. */
  readonly skippedSteps: number;
  readonly epochs: number;
  readonly rows: number;
  readonly evalRows: number;
  /** Of a mixture: what of each dataset the steps have seen. */
  readonly datasets?: readonly DatasetShare[];
  /** Tokens that went through the model in training, padding not counted. */
  readonly tokens: number;
  readonly trainableParameters: number;
  /** Mean loss over the labels of the last tenth of the steps. */
  readonly trainLoss: number;
  /** Held-out loss before the first step and of the written weights; null without held-out rows. */
  readonly evalLossBefore: number | null;
  readonly evalLoss: number | null;
  readonly evalTokenAccuracyBefore: number | null;
  readonly evalTokenAccuracy: number | null;
  readonly seconds: number;
  readonly tokensPerSecond: number;
  /** How its steps were computed; absent in what older versions wrote. */
  readonly plan?: {
    readonly memory: {
      readonly recompute: boolean;
      readonly prepack: boolean;
      readonly lossChunks: number;
      readonly attentionBlock?: number;
    };
    readonly microBatchTokens: number;
    /** Type of the products; absent: float32. */
    readonly compute?: Compute;
  };
  /** Where the run was asked for it: what was learnt and forgotten at each scale of the written adapter. */
  readonly forgetting?: ForgettingReport;
  readonly samples: readonly SampleReport[];
  readonly files: Readonly<Record<string, FileReport>>;
  readonly warnings: readonly Finding[];
}

/** What a training run would take. Bytes, seconds, dollars. */
export interface EstimateReport {
  readonly kind: 'estimate';
  readonly method: 'lora' | 'full';
  readonly trainableParameters: number;
  readonly steps: number;
  readonly rows: number;
  readonly evalRows: number;
  /** Of all steps together: that go through the model, padding not counted. */
  readonly tokens: number;
  /** Tokens of the longest row. */
  readonly longestRow: number;
  readonly machine: {
    /** `here`, or a class of machines. */
    readonly name: string;
    readonly memoryBytes: number;
    readonly memoryFrom: string;
    readonly flopsPerSecond: number;
    readonly passBytesPerSecond: number;
    readonly rateFrom: string;
  };
  /** The way in which steps would be taken there; null: none fits. */
  readonly plan: EstimatedPlan | null;
  readonly reason: string;
  /** Every way, the fastest first. */
  readonly plans: readonly EstimatedPlan[];
  /** The smallest class of machines on which some way fits; null: there is none. */
  readonly smallestMachine: string | null;
  /** Of the whole run by its plan, measurements of held-out rows and samples included; null where none fits. */
  readonly seconds: number | null;
  readonly diskBytes: number;
  /** Null: no price is known of the machine. */
  readonly dollars: number | null;
  readonly priceBasis: string | null;
  readonly warnings: readonly Finding[];
}

export interface EstimatedPlan {
  readonly memory: NonNullable<TrainReport['plan']>['memory'];
  readonly microBatchTokens: number;
  /** For people. */
  readonly text: string;
  /** At the peak. */
  readonly bytes: number;
  readonly parts: {
    readonly process: number;
    readonly weights: number;
    readonly trained: number;
    readonly live: number;
  };
  readonly fits: boolean;
  /** Of a step, on average. */
  readonly secondsPerStep: number;
}

export interface TrainTasksReport {
  readonly kind: 'train-tasks';
  readonly output: string;
  /** The report of each task is that of a run by itself; its seconds are its share of the passes, by tokens. */
  readonly tasks: readonly { readonly name: string; readonly report: TrainReport }[];
  readonly seconds: number;
  readonly warnings: readonly Finding[];
}

/** What was seen at one learning rate of a ramp. */
export interface RatePoint {
  readonly learningRate: number;
  /** Loss on the rows of its step before its update, and that of the weights the ramp began with on the same rows: nats a label. */
  readonly loss: number;
  readonly startLoss: number;
  /** Smoothed difference of both: what was learnt by then, in nats a label. */
  readonly gain: number;
}

/** What a ramp says of the rate of a run. */
export interface RateSuggestion {
  /** Null: the ramp does not say. */
  readonly suggested: number | null;
  /** Rates at which the gain grows fastest, and at which it is largest; null where nothing was learnt. */
  readonly steepest: number | null;
  readonly largest: number | null;
  readonly reason: string;
}

/** What a ramp of learning rates came to. */
export interface FindRateReport extends RateSuggestion {
  readonly kind: 'find-rate';
  readonly output: string;
  /** Of the ramp, in its order: it ends early where the run diverges. */
  readonly points: readonly RatePoint[];
  /** The rate at which it did; null: at none. */
  readonly divergedAt: number | null;
  readonly seconds: number;
  readonly warnings: readonly Finding[];
}

/** What the runs of a sweep came to: those that were trained by their held-out loss, then those that were not. */
export interface SweepReport {
  readonly kind: 'sweep';
  readonly output: string;
  /** Name and folder of the best run: the lowest held-out loss; of equal ones, that with fewer trained parameters, then the first. */
  readonly best: string;
  readonly runs: readonly SweepRunReport[];
  readonly seconds: number;
  readonly warnings: readonly Finding[];
}

export interface SweepRunReport {
  /** Also its folder, within that of the sweep. */
  readonly name: string;
  /** On the platform: the job that it is. */
  readonly jobId?: string;
  /** Runs of equal loss have the same; null: it has no loss. */
  readonly rank: number | null;
  /** `diverged`: a loss or a gradient was no number any more; `failed`: it could not be run. */
  readonly state: 'trained' | 'diverged' | 'failed';
  readonly settings: SweepSettings;
  readonly evalLossBefore: number | null;
  readonly evalLoss: number | null;
  readonly trainLoss: number | null;
  readonly trainableParameters: number | null;
  readonly steps: number | null;
  readonly seconds: number | null;
  /** Why it was not trained. */
  readonly message: string | null;
}

/** A measured value and the ends of its 95% interval, from resampling the rows. */
export interface Measured {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

export interface EvaluateReport {
  readonly kind: 'evaluate';
  readonly base: string;
  readonly adapter: string | null;
  readonly data: string;
  readonly rows: number;
  readonly labels: number;
  readonly loss: Measured;
  readonly perplexity: Measured;
  readonly tokenAccuracy: Measured;
  /** Share of rows all of whose labels are the likeliest token: what greedy generation would write is exactly the text. */
  readonly exactMatch: Measured;
  /** Share of the most common completion: what always giving that answer would reach. */
  readonly majorityBaseline: number;
  /** Where it was asked for: what the adapter has learnt and forgotten at each scale. */
  readonly forgetting?: ForgettingReport;
  readonly seconds: number;
  readonly warnings: readonly Finding[];
}

export interface GenerateReport {
  readonly kind: 'generate';
  readonly base: string;
  readonly adapter: string | null;
  readonly texts: readonly {
    readonly prompt: string;
    readonly text: string;
    readonly tokens: number;
    /** `stop`: a stop token came; `length`: the new tokens or the context were used up. */
    readonly end: 'stop' | 'length';
  }[];
  readonly seconds: number;
  readonly warnings: readonly Finding[];
}

export interface DataCheckReport {
  readonly kind: 'data-check';
  readonly data: string;
  /** Longest row allowed, in tokens. */
  readonly contextMax: number;
  /** Whether training would take it as it is. */
  readonly usable: boolean;
  /** Undefined when no row told it. */
  readonly format: 'messages' | 'prompt-completion' | 'text' | undefined;
  /** Rows in the file, whatever is wrong with them. */
  readonly lines: number;
  /** Rows that can be used. */
  readonly rows: number;
  readonly tokens: number;
  readonly trainedTokens: number;
  readonly rowTokens: { readonly p50: number; readonly p95: number; readonly max: number };
  readonly duplicates: number;
  /** Rows over the context. */
  readonly overContext: number;
  readonly errors: number;
  readonly warnings: number;
  readonly findings: readonly Finding[];
  /** The first rows as text, special tokens included, cut where training begins and ends. */
  readonly preview: readonly {
    readonly line: number;
    readonly runs: readonly { readonly text: string; readonly trained: boolean }[];
  }[];
}

export interface QuantizeReport {
  readonly kind: 'quantize';
  readonly type: QuantizeType;
  readonly base: string;
  readonly output: string;
  /** Matrices that are packed now, or that were and are not any more. */
  readonly changed: number;
  /** Tensors that are floats as before: embeddings, norms, biases. */
  readonly kept: number;
  /** Bits that a packed weight takes with scales and all, and a value of the whole model; null after unpacking. */
  readonly bitsPerWeight: { readonly packed: number; readonly model: number } | null;
  /** What packing has changed of the packed weights, |W - W'| / |W|; null where nothing was rounded. */
  readonly relativeError: number | null;
  /** Held-out loss of the float model and of the packed one, in nats a label; null without data. */
  readonly loss: {
    readonly float: number;
    readonly packed: number;
    readonly gap: number;
    readonly rows: number;
  } | null;
  readonly files: Readonly<Record<string, FileReport>>;
  readonly seconds: number;
  readonly warnings: readonly Finding[];
}

export interface ExportReport {
  readonly kind: 'export';
  readonly format: ExportFormat;
  readonly output: string;
  /** The file that an engine is given, within the folder; the folder itself for the formats of PEFT. */
  readonly main: string;
  /** Storage type that was asked for, or `as stored`. */
  readonly dtype: string;
  /** Names of the input folders; null where there was none. */
  readonly base: string | null;
  readonly adapter: string | null;
  /** `effective modules N of M`; null without an adapter or without a base to hold it against. */
  readonly summary: string | null;
  readonly tensors: number;
  /** Every file of the folder. */
  readonly files: Readonly<Record<string, FileReport>>;
  readonly warnings: readonly Finding[];
}
