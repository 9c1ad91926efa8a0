import type { JobStreamEvent } from '../../shared/contract/job-stream.ts';

/** A line as in `metrics.jsonl`. */
export type MetricRow = { readonly step: number } & Readonly<Record<string, number>>;

/**
 * The lines of a run after a step, in order, from its stream read backwards. A run that went on from a checkpoint did some steps twice: the
 * last time counts. Reads no further back than it must.
 */
export async function metricRows(
  backwards: AsyncIterable<readonly JobStreamEvent[]>,
  afterStep: number,
): Promise<MetricRow[]> {
  const rows: MetricRow[] = [];
  const known = { losses: new Set<number>(), evaluations: new Set<number>() };
  // steps from this on were done again later
  let before = Infinity;
  let lastStep = Infinity;
  for await (const chunk of backwards) {
    for (const { event } of chunk.toReversed()) {
      if (event.type === 'run') before = Math.min(before, event.firstStep);
      const row = rowOf(event);
      if (!row) continue;
      lastStep = Math.min(lastStep, row.step);
      if (row.step <= afterStep || row.step >= before) continue;
      // an evaluation before a checkpoint may have been done again after it
      const done = 'loss' in row ? known.losses : known.evaluations;
      if (!done.has(row.step)) rows.push(row);
      done.add(row.step);
    }
    if (lastStep <= afterStep && lastStep < before) break;
  }
  return rows.toSorted((a, b) => a.step - b.step || Number('evalLoss' in a) - Number('evalLoss' in b));
}

function rowOf(event: JobStreamEvent['event']): MetricRow | undefined {
  if (event.type === 'step') {
    const { step, epoch, loss, learningRate, gradientNorm, tokensPerSecond } = event;
    return { step, epoch, loss, learningRate, gradientNorm, tokensPerSecond };
  }
  if (event.type === 'eval') return { step: event.step, evalLoss: event.loss, evalTokenAccuracy: event.tokenAccuracy };
  return undefined;
}
