import type { Spec } from '../../shared/contract/specs/parse-spec.ts';
import type {
  DataCheckReport,
  EstimateReport,
  EvaluateReport,
  ExportReport,
  FindRateReport,
  GenerateReport,
  QuantizeReport,
  SweepReport,
  TrainTasksReport,
  TrainReport,
} from '../../shared/contract/reports.ts';
import type { MergeReport } from '../merge/merge-report.ts';
import type { CompositionReport } from './composition-report.ts';
import type { JobContext } from './job-context.ts';
import { withinAllowance } from './within-allowance.ts';

/** The report of each kind of job. */
export interface JobReports {
  readonly train: TrainReport;
  readonly 'train-tasks': TrainTasksReport;
  readonly sweep: SweepReport;
  readonly 'find-rate': FindRateReport;
  readonly estimate: EstimateReport;
  readonly evaluate: EvaluateReport;
  readonly generate: GenerateReport;
  readonly compose: CompositionReport;
  readonly merge: MergeReport;
  readonly export: ExportReport;
  readonly quantize: QuantizeReport;
  readonly 'data-check': DataCheckReport;
}

/** Runs the job of any spec. Resolves to the job's report, plain JSON. */
export async function runSpec(spec: Spec, context: JobContext): Promise<JobReports[Spec['kind']]> {
  // they know their allowance themselves, and have something to show when that is spent
  if (spec.kind === 'train') return (await import('./train.ts')).runTrain(spec, context);
  if (spec.kind === 'train-tasks') return (await import('./train-tasks.ts')).runTrainTasks(spec, context);
  return withinAllowance(context, (bounded) => runOther(spec, bounded));
}

/** Each kind is loaded only when it is asked for. */
async function runOther(
  spec: Exclude<Spec, { kind: 'train' | 'train-tasks' }>,
  context: JobContext,
): Promise<JobReports[Spec['kind']]> {
  switch (spec.kind) {
    case 'sweep':
      return (await import('./sweep.ts')).runSweep(spec, context);
    case 'find-rate':
      return (await import('./find-rate.ts')).runFindRate(spec, context);
    case 'estimate':
      return (await import('./estimate.ts')).runEstimate(spec, context);
    case 'evaluate':
      return (await import('./evaluate.ts')).runEvaluate(spec, context);
    case 'generate':
      return (await import('./generate.ts')).runGenerate(spec, context);
    case 'compose':
      return (await import('./compose.ts')).runCompose(spec, context);
    case 'merge':
      return (await import('./merge.ts')).runMerge(spec, context);
    case 'export':
      return (await import('./export.ts')).runExport(spec, context);
    case 'quantize':
      return (await import('./quantize.ts')).runQuantize(spec, context);
    case 'data-check':
      return (await import('./data-check.ts')).runDataCheck(spec, context);
  }
}
