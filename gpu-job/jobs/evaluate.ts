import type { EvaluateReport } from '../../shared/contract/reports.ts';
import type { EvaluateSpec } from '../../shared/contract/specs/evaluate.ts';
import { DomainError, refuseErrors, UnavailableError, type Finding } from '../../shared/errors.ts';
import { generalTextName, readGeneralRows } from '../forgetting/general-rows.ts';
import { measureForgetting } from '../forgetting/measure-forgetting.ts';
import { writeFileAtomic } from '../folders/files.ts';
import { unscalable } from '../../shared/methods/unscalable.ts';
import { createEvalStep, type EvalStep } from '../training/eval-graph.ts';
import { majorityShare, summariseScores } from '../training/score-intervals.ts';
import { scoreRows } from '../training/score-rows.ts';
import { firstRows, indicesUpTo, selectRows, type TokenRows } from '../training/token-rows.ts';
import type { JobContext } from './job-context.ts';
import { openModel } from './open-model.ts';
import { inferenceOptions } from './step-options.ts';
import { temporaryRows } from './stored-rows.ts';

/** Measures a model on a dataset: see `EvaluateReport`. */
export async function runEvaluate(spec: EvaluateSpec, context: JobContext): Promise<EvaluateReport> {
  const startedAt = context.now();
  const { model, text, parameters, config, warnings } = await openModel(spec);
  try {
    const reason = spec.general && config && unscalable(config);
    if (reason !== undefined)
      throw new DomainError('not-scalable', `general: is not measured for this adapter: ${reason}.`);
    const contextMax = spec.contextTokens ?? model.spec.maxPositions;
    if (contextMax > model.spec.maxPositions)
      throw new DomainError(
        'context-too-long',
        `contextTokens is ${contextMax}; the base has a context of ${model.spec.maxPositions} tokens.`,
      );
    const wanted = { path: spec.data, text, contextMax, longRows: spec.longRows };
    const dataset = await temporaryRows(wanted, context);
    let step: EvalStep | undefined;
    try {
      const found = [...refuseErrors('dataset', `${spec.data} cannot be evaluated:`, dataset.findings)];
      const rows = firstRows(selectRows(dataset.rows, answered(dataset.rows)), spec.rowsMax);
      if (rows.length === 0)
        throw new DomainError('dataset', `${spec.data} has no row with an answer, so there is nothing to measure.`);
      const generalFindings: Finding[] = [];
      const general = await readGeneralRows(spec.general, text, contextMax, generalFindings);
      found.push(...refuseErrors('general', 'What was learnt and forgotten cannot be measured:', generalFindings));
      for (const finding of [...warnings, ...found]) context.emit({ type: 'finding', finding });

      step = await createEvalStep(model, await inferenceOptions(spec));
      const shape = { microBatchTokens: spec.batchTokens, packing: true, packTokens, lengthMax: contextMax };
      const progress = (stage: string, done: number, total: number): void => {
        context.emit({ type: 'progress', stage, done, total, unit: 'rows' });
        if (context.stopRequested()) throw new UnavailableError('The evaluation was stopped before it was complete.');
      };
      const scores = await scoreRows(step, parameters, rows, shape, (done) => progress('evaluate', done, rows.length));
      const forgetting =
        spec.general &&
        (await measureForgetting(step, parameters, {
          taskRows: firstRows(rows, spec.general.rowsMax),
          generalRows: general,
          generalText: generalTextName(spec.general),
          shape,
          now: () => context.now(),
          onProgress: (done, total) => progress('scales', done, total),
        }));
      const report: EvaluateReport = {
        kind: 'evaluate',
        base: spec.base,
        adapter: spec.adapter ?? null,
        data: spec.data,
        rows: rows.length,
        labels: scores.labels.reduce((sum, count) => sum + count, 0),
        ...summariseScores(scores, spec.bootstrapSamples, spec.seed),
        majorityBaseline: await majorityShare(rows),
        ...(forgetting ? { forgetting } : {}),
        seconds: (context.now() - startedAt) / 1000,
        warnings: [...warnings, ...found],
      };
      if (spec.output !== undefined) await writeFileAtomic(spec.output, `${JSON.stringify(report, undefined, 2)}\n`);
      return report;
    } finally {
      await step?.close();
      await dataset.rows.close();
    }
  } finally {
    await text.close();
  }
}

/** Indices of the rows that have a label. */
const answered = ({ length, inputLengths }: TokenRows): Int32Array =>
  indicesUpTo(length).filter((row) => (inputLengths[row] as number) > 0); // one for each row

/** Rows are packed up to this length; attention costs the square of it. */
const packTokens = 256;
