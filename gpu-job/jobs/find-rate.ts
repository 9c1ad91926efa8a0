import { mkdir, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { rampRun, type FindRateSpec } from '../../shared/contract/specs/find-rate.ts';
import type { FindRateReport, RatePoint } from '../../shared/contract/reports.ts';
import { hasDiverged, nextPoint, rampRate, suggestRate } from '../../shared/domain/rate-ramp.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import { writeFileAtomic } from '../folders/files.ts';
import { requireMethod } from '../methods/tuned-model.ts';
import { accumulate } from '../training/accumulate.ts';
import { makeBatches } from '../training/batches.ts';
import { loraPlusFactors } from '../training/lora-plus.ts';
import { clipScale, createAdamW, globalNorm } from '../training/optimizers.ts';
import { randomStream } from '../training/random.ts';
import { runFolders } from '../training/run-folders.ts';
import { lockRun } from '../training/run-lock.ts';
import { createTrainStep } from '../training/step-graph.ts';
import { indicesUpTo } from '../training/token-rows.ts';
import { chooseStepPlan, unscaledPlan } from './choose-step-plan.ts';
import { initialValues } from './initial-values.ts';
import type { JobContext } from './job-context.ts';
import { prepareTraining, type PreparedTraining } from './prepare-training.ts';
import { stepOptions } from './step-options.ts';

/**
 * Takes the steps of a training run at ever higher learning rates until it diverges, and says which rate to try. Nothing is left but the curve: the
 * weights are thrown away. Throws `DomainError('train')` with all findings before the first step, and `UnavailableError` when it was asked to stop,
 * with nothing written.
 */
export async function runFindRate(spec: FindRateSpec, context: JobContext): Promise<FindRateReport> {
  const startedAt = context.now();
  const train = rampRun(spec);
  const { run: folder, ...folders } = runFolders(spec.output);
  await mkdir(folder, { recursive: true });
  const unlock = await lockRun(folder);
  try {
    const run = await prepareTraining(train, { run: folder, ...folders }, context);
    try {
      for (const finding of run.warnings) context.emit({ type: 'finding', finding });
      const points = await takeRamp(spec, run, context);
      const last = points.at(-1);
      const report: FindRateReport = {
        kind: 'find-rate',
        output: spec.output,
        ...suggestRate(points),
        points,
        divergedAt: last && hasDiverged(points) ? last.learningRate : null,
        seconds: (context.now() - startedAt) / 1000,
        warnings: run.warnings,
      };
      const written = { ...report, output: basename(spec.output) };
      await writeFileAtomic(spec.output, `${JSON.stringify(written, undefined, 2)}\n`);
      return report;
    } finally {
      await run.close();
    }
  } finally {
    await unlock();
    await rm(folder, { recursive: true, force: true });
  }
}

async function takeRamp(spec: FindRateSpec, run: PreparedTraining, context: JobContext): Promise<RatePoint[]> {
  const { optimizer: settings, seed } = run.spec;
  const stepPlan = unscaledPlan(await chooseStepPlan(run.spec, run));
  const batchShape = { ...run.batchShape, microBatchTokens: stepPlan.microBatchTokens };
  requireMethod(run.model);
  const first = await initialValues(run.spec, run, context);
  const parameters = new Map([...first].map(([name, values]) => [name, values.slice()]));
  // as a whole run has it: what LoRA+ says of embeddings is a rate of its own
  const rateFactors = loraPlusFactors(settings, run.schedule.learningRate);
  const optimizer = createAdamW(run.parameters, { ...settings, rateFactors });
  const session = await createTrainStep(run.model, stepOptions(run.spec, stepPlan));
  const points: RatePoint[] = [];
  try {
    for (let step = 0; step < spec.steps && !hasDiverged(points); step++) {
      context.emit({ type: 'progress', stage: 'rates', done: step, total: spec.steps, unit: 'steps' });
      if (context.stopRequested()) throw new UnavailableError('Stopped before the ramp was done; nothing was written.');
      const { rows } = run.plan.stepAt(step);
      const batches = makeBatches(await run.rows.read(rows), indicesUpTo(rows.length), batchShape);
      const dropoutSeed = (batch: number): number => randomStream(seed, 'dropout', step, batch).below(2 ** 32);
      const learningRate = rampRate(step, spec);
      const { loss: startLoss } = await accumulate(session, first, batches, dropoutSeed);
      const { loss, gradients } = await accumulate(session, parameters, batches, dropoutSeed);
      if (!Number.isFinite(startLoss))
        throw new DomainError('diverged', 'The loss of the base itself is not a finite number: no rate can mend that.');
      points.push(nextPoint(points, { learningRate, loss, startLoss }));
      const norm = globalNorm(gradients);
      if (Number.isFinite(norm))
        optimizer.update(parameters, gradients, learningRate, clipScale(norm, settings.clipNorm));
    }
    return points;
  } finally {
    await session.close();
  }
}
