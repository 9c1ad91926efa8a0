import type { Spec } from '../../shared/contract/specs/parse-spec.ts';
import type { JobContext } from './job-context.ts';

/** Runs the job of any spec. Each kind is loaded only when it is asked for. Resolves to the job's report, plain JSON. */
export async function runSpec(spec: Spec, context: JobContext): Promise<unknown> {
  switch (spec.kind) {
    case 'train':
      return (await import('./train.ts')).runTrain(spec, context);
    case 'evaluate':
      return (await import('./evaluate.ts')).runEvaluate(spec, context);
    case 'generate':
      return (await import('./generate.ts')).runGenerate(spec, context);
    case 'compose':
      return (await import('./compose.ts')).runCompose(spec, context);
    case 'merge':
      return (await import('./merge.ts')).runMerge(spec, context);
    case 'data-check':
      return (await import('./data-check.ts')).runDataCheck(spec, context);
  }
}
