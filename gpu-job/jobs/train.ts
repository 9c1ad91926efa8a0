import { mkdir, rm } from 'node:fs/promises';
import type { TrainReport } from '../../shared/contract/reports.ts';
import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import { lockRun } from '../training/run-lock.ts';
import type { JobContext } from './job-context.ts';
import { chooseStepPlan } from './choose-step-plan.ts';
import { observeRun, type RunObserver } from './observe-run.ts';
import { prepareTraining } from './prepare-training.ts';
import { runSteps } from './train-steps.ts';
import { writeTrained } from './write-trained.ts';

/**
 * Trains an adapter or a whole model. Where the result of the same run stands already, its report is returned. Goes on from the checkpoint in `<output>.run` where there is one, bit for bit on the CPU.
 * Throws `DomainError('train')` with all findings before the first step, `DomainError('diverged')` when a loss or a gradient is no
 * number any more, and `UnavailableError` when it was asked to stop and has saved its work.
 */
export async function runTrain(spec: TrainSpec, context: JobContext): Promise<TrainReport> {
  const run = await prepareTraining(spec);
  try {
    for (const finding of run.warnings) context.emit({ type: 'finding', finding });
    if (run.finished) {
      await rm(run.folders.run, { recursive: true, force: true });
      const message = 'holds the result of this very run already; nothing was trained anew';
      const finding = { severity: 'warning', code: 'already-done', where: 'output', message } as const;
      context.emit({ type: 'finding', finding });
      return { ...run.finished, warnings: [...run.finished.warnings, finding] };
    }
    await mkdir(run.folders.run, { recursive: true });
    const unlock = await lockRun(run.folders.run);
    let observer: RunObserver | undefined;
    try {
      const stepPlan = await chooseStepPlan(spec, run);
      observer = observeRun(spec, run, stepPlan, context);
      const report = await writeTrained(spec, run, await runSteps(spec, run, stepPlan, observer, context));
      await rm(run.folders.run, { recursive: true, force: true });
      return report;
    } finally {
      await observer?.close();
      await unlock();
    }
  } finally {
    await run.text.close();
  }
}
