import type { ForgettingReport } from '../../shared/contract/reports.ts';
import { scaledAdapter } from '../methods/scaled-adapter.ts';
import type { BatchShape } from '../training/batches.ts';
import type { EvalStep } from '../training/eval-graph.ts';
import { meanScores, scoreRows } from '../training/score-rows.ts';
import type { TokenRows } from '../training/token-rows.ts';

/** Shares of an update that are tried: 0 is the base, 1 the adapter; beyond it stands what a longer run would do. */
export const adapterScales = [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5] as const;

export interface ForgettingOptions {
  readonly taskRows: TokenRows;
  readonly generalRows: TokenRows;
  readonly generalText: string;
  readonly shape: BatchShape;
  readonly now: () => number;
  /** Hears how many rows are done of all that are scored; may throw to end the work. */
  readonly onProgress: (done: number, total: number) => void;
}

/**
 * Scores an adapter at every scale on rows of its task and on a general text. At scale 0 the losses are those of the base to the bit, at 1
 * those of an evaluation of the same rows. Costs a forward pass over both texts for each scale, and no graph that an evaluation does not need.
 */
export async function measureForgetting(
  step: Pick<EvalStep, 'run'>,
  parameters: ReadonlyMap<string, Float32Array>,
  { taskRows, generalRows, generalText, shape, now, onProgress }: ForgettingOptions,
): Promise<ForgettingReport> {
  const startedAt = now();
  const total = adapterScales.length * (taskRows.length + generalRows.length);
  let before = 0;
  const lossOf = async (values: ReadonlyMap<string, Float32Array>, rows: TokenRows): Promise<number> => {
    const scores = await scoreRows(step, values, rows, shape, (done) => onProgress(before + done, total));
    before += rows.length;
    return meanScores(scores).loss;
  };
  const losses: ScaleLosses[] = [];
  for (const scale of adapterScales) {
    const values = scaledAdapter(parameters, scale);
    losses.push({ scale, task: await lossOf(values, taskRows), general: await lossOf(values, generalRows) });
  }
  return {
    taskRows: taskRows.length,
    generalRows: generalRows.length,
    generalText,
    ...compareScales(losses),
    tokens: adapterScales.length * (inputTokens(taskRows) + inputTokens(generalRows)),
    seconds: (now() - startedAt) / 1000,
  };
}

const inputTokens = ({ inputLengths }: TokenRows): number => inputLengths.reduce((sum, length) => sum + length, 0);

export interface ScaleLosses {
  readonly scale: number;
  readonly task: number;
  readonly general: number;
}

/** Gains and losses against scale 0, which comes first, and the best scales: the smaller one of two that are equal. */
export function compareScales(
  losses: readonly ScaleLosses[],
): Pick<ForgettingReport, 'scales' | 'bestScale' | 'bestTaskScale'> {
  const [base = { scale: 0, task: NaN, general: NaN }] = losses;
  const best = (cost: (losses: ScaleLosses) => number): number =>
    losses.reduce((least, one) => (cost(one) < cost(least) ? one : least), base).scale;
  const scales = losses.map(({ scale, task, general }) => ({
    scale,
    taskLoss: orNull(task),
    gain: orNull(base.task - task),
    generalLoss: orNull(general),
    forgotten: orNull(general - base.general),
  }));
  return { scales, bestScale: best(({ task, general }) => task + general), bestTaskScale: best(({ task }) => task) };
}

const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
