import type { JobEvent } from '../../shared/contract/job-events.ts';
import type { TrainReport } from '../../shared/contract/reports.ts';
import { DomainError } from '../../shared/errors.ts';
import type { RequestOf } from './demo-platform.ts';
import type { TrainingPlan } from './training-plan.ts';

/** What an adapter is trained on: names of the base and of datasets. */
export interface AdapterData {
  readonly base: string;
  readonly dataset: string;
  /** Rows drawn from the training side, to see where learning ends; undefined where there are too few. */
  readonly validation: string | undefined;
}

/** A finished run and the version it made. */
export interface TrainedAdapter {
  readonly report: TrainReport;
  readonly version: string;
}

/** A first run that diverges is repeated at a quarter of its rate; one that got worse towards its end, up to where it was best. */
export async function trainAdapter(
  data: AdapterData,
  plan: TrainingPlan,
  contextTokens: number,
  tools: {
    readonly train: (request: RequestOf<'train'>, onEvent: (event: JobEvent) => void) => Promise<TrainedAdapter>;
    readonly note: (text: string) => void;
  },
): Promise<TrainedAdapter> {
  const attempt = async (learningRate: number, length: { tokens: number } | { steps: number }) => {
    const evals: { step: number; loss: number }[] = [];
    const trained = await tools.train(trainRequest(data, plan, contextTokens, learningRate, length), (event) => {
      if (event.type === 'eval') evals.push(event);
    });
    return { trained, evals };
  };
  let { learningRate } = plan;
  let result;
  try {
    result = await attempt(learningRate, { tokens: plan.trainTokens });
  } catch (error) {
    if (!(error instanceof DomainError && error.code === 'diverged')) throw error;
    learningRate /= 4;
    tools.note(`the run diverged; again at a learning rate of ${learningRate}`);
    result = await attempt(learningRate, { tokens: plan.trainTokens });
  }
  const best = bestStop(result.evals);
  if (best === undefined) return result.trained;
  tools.note(`loss on rows set aside was lowest after step ${best}; trained again up to there`);
  return (await attempt(learningRate, { steps: best })).trained;
}

/** The step at which a run should have ended; undefined where its end is (nearly) the best. The start does not count. */
export function bestStop(evals: readonly { readonly step: number; readonly loss: number }[]): number | undefined {
  const trained = evals.filter(({ step }) => step > 0);
  const last = trained.at(-1);
  if (!last) return undefined;
  const best = trained.reduce((least, point) => (point.loss < least.loss ? point : least), last);
  return last.loss > worseMax * best.loss ? best.step : undefined;
}

const worseMax = 1.02;

function trainRequest(
  { base, dataset, validation }: AdapterData,
  plan: TrainingPlan,
  contextTokens: number,
  learningRate: number,
  length: { tokens: number } | { steps: number },
): RequestOf<'train'> {
  return {
    kind: 'train',
    base,
    dataset,
    ...(validation === undefined ? {} : { evalDataset: validation }),
    contextTokens,
    longRows: 'split',
    method: { kind: 'lora', config: { r: 8, lora_alpha: 16, target_modules: 'all-linear' } },
    ...length,
    batch: { tokens: plan.stepTokens, microBatchTokens: 2048, packTokens: 128 },
    optimizer: { learningRate },
    schedule: { kind: 'cosine', warmupRatio: 0.05 },
    seed: 1,
  };
}
