import type { JobStreamEvent } from '../../shared/contract/job-stream.ts';

/** A line as in `metrics.jsonl`; with its task where several are trained at once. */
export type MetricRow = { readonly step: number; readonly task?: string } & Readonly<Record<string, number | string>>;

/**
 * The lines of a run after a step, in order, from its stream read backwards. A run that went on from a checkpoint did some steps twice: the
 * last time counts. Reads no further back than it must. `task`: of several that are trained at once, the one whose lines are wanted; absent: all.
 */
export async function metricRows(
  backwards: AsyncIterable<readonly JobStreamEvent[]>,
  afterStep: number,
  task?: string,
): Promise<MetricRow[]> {
  const rows: MetricRow[] = [];
  const seen = new Map<string | undefined, SeenOfTask>();
  for await (const chunk of backwards) {
    for (const { event } of chunk.toReversed()) {
      const of = 'task' in event ? event.task : undefined;
      if (task !== undefined && of !== task) continue;
      const known = seen.get(of) ?? newlySeen();
      if (event.type === 'run') known.before = Math.min(known.before, event.firstStep);
      const row = rowOf(event);
      if (event.type === 'run' || row) seen.set(of, known);
      if (!row) continue;
      known.lastStep = Math.min(known.lastStep, row.step);
      if (row.step <= afterStep || row.step >= known.before) continue;
      // an evaluation before a checkpoint may have been done again after it
      const done = 'loss' in row ? known.losses : known.evaluations;
      if (!done.has(row.step)) rows.push(row);
      done.add(row.step);
    }
    // a task that ended before the others has no lines among the last ones
    const isWhole = task !== undefined || ![...seen.keys()].some((name) => name !== undefined);
    const all = [...seen.values()];
    if (isWhole && all.length > 0 && all.every(({ lastStep, before }) => lastStep <= afterStep && lastStep < before))
      break;
  }
  return rows.toSorted((a, b) => a.step - b.step || compareText(a.task, b.task) || isEvaluation(a) - isEvaluation(b));
}

/** What has been read of one task, or of the only run. */
interface SeenOfTask {
  /** Steps from this on were done again later. */
  before: number;
  lastStep: number;
  readonly losses: Set<number>;
  readonly evaluations: Set<number>;
}

const newlySeen = (): SeenOfTask => ({
  before: Infinity,
  lastStep: Infinity,
  losses: new Set(),
  evaluations: new Set(),
});

const compareText = (a = '', b = ''): number => Number(a > b) - Number(a < b);
const isEvaluation = (row: MetricRow): number => Number('evalLoss' in row);

function rowOf(event: JobStreamEvent['event']): MetricRow | undefined {
  if (event.type !== 'step' && event.type !== 'eval') return undefined;
  const ofTask = event.task === undefined ? {} : { task: event.task };
  if (event.type === 'eval')
    return { step: event.step, ...ofTask, evalLoss: event.loss, evalTokenAccuracy: event.tokenAccuracy };
  const { step, epoch, loss, learningRate, gradientNorm, tokensPerSecond } = event;
  return { step, ...ofTask, epoch, loss, learningRate, gradientNorm, tokensPerSecond };
}
