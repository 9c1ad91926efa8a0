import type { SweepRunReport, TrainReport } from '../contract/reports.ts';

type Outcome = Omit<SweepRunReport, 'rank' | 'name' | 'settings' | 'jobId'>;

/** What a training that came to an end counts as among others. One that was cut by its allowance has had fewer steps, and is not compared. */
export function outcomeOf(report: TrainReport): Outcome {
  const { evalLossBefore, evalLoss, trainLoss, trainableParameters, steps, seconds, stoppedBy } = report;
  const figures = { evalLossBefore, trainLoss, trainableParameters, steps, seconds };
  if (stoppedBy)
    return { state: 'failed', ...figures, evalLoss: null, message: 'Its allowance was spent before its last step.' };
  if (evalLoss !== null && Number.isFinite(evalLoss)) return { state: 'trained', ...figures, evalLoss, message: null };
  return { state: 'diverged', ...figures, evalLoss: null, message: 'Its held-out loss is not a finite number.' };
}

/** What one counts as that came to none, by the code of its error. */
export const failedOutcome = (code: string | undefined, message: string | null): Outcome => ({
  state: code === 'diverged' ? 'diverged' : 'failed',
  evalLossBefore: null,
  evalLoss: null,
  trainLoss: null,
  trainableParameters: null,
  steps: null,
  seconds: null,
  message,
});
