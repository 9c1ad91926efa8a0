import type { SweepRunReport } from '../contract/reports.ts';

/**
 * Runs by their held-out loss, lowest first. Equal losses have one rank, and the next one after them counts them all; among them fewer trained parameters come first, then
 * the earlier run. Those without a loss follow in their order, without a rank.
 */
export function rankRuns(runs: readonly Omit<SweepRunReport, 'rank'>[]): SweepRunReport[] {
  const trained = runs
    .flatMap((run) => (run.evalLoss === null ? [] : [{ run, loss: run.evalLoss, size: run.trainableParameters ?? 0 }]))
    .toSorted((a, b) => a.loss - b.loss || a.size - b.size);
  return [
    ...trained.map(({ run, loss }) => ({ ...run, rank: 1 + trained.filter((other) => other.loss < loss).length })),
    ...runs.filter(({ evalLoss }) => evalLoss === null).map((run) => ({ ...run, rank: null })),
  ];
}
