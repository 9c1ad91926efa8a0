import type { Matrix, Variant, Verdict } from './exit-rules.ts';

/** Answers to one held-out question. */
export interface Sample {
  readonly question: string;
  /** The right answer. */
  readonly answer: string;
  readonly base: string;
  readonly adapter: string;
  readonly composite: string;
}

export interface DemoTaskResult {
  readonly name: string;
  readonly trainRows: number;
  readonly heldOutRows: number;
  readonly rowsLeftOut: number;
  readonly tokensTrained: number;
  readonly trainableParameters: number;
  readonly steps: number;
  /** Exact matches that always giving the most common answer would reach. */
  readonly majorityExact: number;
  /** Loss of the adapter on held-out rows whose answers were dealt to other questions; null for plain text. */
  readonly dealtLoss: number | null;
  readonly samples: readonly Sample[];
}

/** Everything the demo found, as `--json` prints it. Losses are nats per label on held-out rows; pairs are task 1, task 2. */
export interface DemoResult {
  readonly passed: boolean;
  readonly verdicts: readonly Verdict[];
  readonly base: string;
  readonly baseParameters: number;
  readonly shuffledLabels: boolean;
  readonly tasks: readonly [DemoTaskResult, DemoTaskResult];
  readonly matrix: Matrix;
  readonly baseLoss: readonly [number, number];
  /** Of each adapter on its own task. */
  readonly adapterLoss: readonly [number, number];
  /** Of the other task's adapter. */
  readonly otherAdapterLoss: readonly [number, number];
  readonly compositeLoss: readonly [number, number];
  readonly mergedLoss: readonly [number, number];
  /** Loss of the merged model minus that of the composite, on the task where they differ most. */
  readonly mergedMinusAdapted: number;
  readonly folders: Readonly<Record<Exclude<Variant, 'base'>, string>>;
  /** SHA-256 of the weight files, by their paths below the output folder. */
  readonly files: Readonly<Record<string, string>>;
  readonly seconds: number;
}
