import { mkdir, rm } from 'node:fs/promises';
import type { TrainReport } from '../../shared/contract/reports.ts';
import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import { ownSecondsMax } from '../../shared/domain/allowance.ts';
import { DomainError } from '../../shared/errors.ts';
import { exists } from '../folders/files.ts';
import { chooseWorkers } from '../runtime/choose-workers.ts';
import { keepCheckpoints } from '../training/kept-checkpoints.ts';
import { runFolders, type RunFolders } from '../training/run-folders.ts';
import { readCheckpointState } from '../training/checkpoint.ts';
import { lockRun } from '../training/run-lock.ts';
import { runWall } from '../training/run-wall.ts';
import type { JobContext } from './job-context.ts';
import { chooseStepPlan, type ChosenPlan } from './choose-step-plan.ts';
import { observeRun, type RunObserver } from './observe-run.ts';
import { prepareTraining, type PreparedTraining } from './prepare-training.ts';
import { runSteps } from './train-steps.ts';
import { writeTrained } from './write-trained.ts';

/**
 * Trains an adapter or a whole model. Where the result of the same run stands already, its report is returned. Goes on from the checkpoint in `<output>.run` where there is one, bit for bit on the CPU.
 * Throws `DomainError('train')` with all findings before the first step, `DomainError('diverged')` when a loss or a gradient is no
 * number any more, `DomainError('budget-spent')` when its allowance has not been enough for a step, and `UnavailableError` when it was asked to stop and has saved its work.
 */
export async function runTrain(asked: TrainSpec, context: JobContext): Promise<TrainReport> {
  const workers = await chooseWorkers(asked);
  const spec = workers === 1 ? asked : { ...asked, workers };
  const folders = runFolders(spec.output);
  const isNew = !(await exists(folders.run));
  await mkdir(folders.run, { recursive: true });
  const unlock = await lockRun(folders.run);
  try {
    const { run, stepPlan } = await plannedRun(spec, folders, context).catch(async (error: unknown) => {
      // what is refused leaves nothing
      if (isNew && error instanceof DomainError) await rm(folders.run, { recursive: true, force: true });
      throw error;
    });
    let observer: RunObserver | undefined;
    let report: TrainReport;
    try {
      for (const finding of run.warnings) context.emit({ type: 'finding', finding });
      if (run.finished) report = alreadyDone(run.finished, context);
      else {
        const begun = (await readCheckpointState(folders.checkpoints))?.state;
        const wall = runWall(ownSecondsMax(spec), begun?.spentSeconds ?? 0, context);
        const stopRequested = (): boolean => context.stopRequested() || wall.isReached();
        observer = observeRun(spec, run, stepPlan, { ...context, stopRequested });
        report = await writeTrained(
          run.spec,
          run,
          await runSteps(run.spec, run, stepPlan, { observer, wall }, context),
        );
      }
    } finally {
      await observer?.close();
      await run.close();
    }
    await keepCheckpoints(folders, spec.keep);
    await rm(folders.run, { recursive: true, force: true });
    return report;
  } finally {
    await unlock();
  }
}

/** All that is to be known before the first step. */
async function plannedRun(
  spec: TrainSpec,
  folders: RunFolders,
  context: JobContext,
): Promise<{ readonly run: PreparedTraining; readonly stepPlan: ChosenPlan }> {
  const run = await prepareTraining(spec, folders, context);
  try {
    return { run, stepPlan: await chooseStepPlan(spec, run) };
  } catch (error) {
    await run.close();
    throw error;
  }
}

function alreadyDone(finished: TrainReport, context: JobContext): TrainReport {
  const message = 'holds the result of this very run already; nothing was trained anew';
  const finding = { severity: 'warning', code: 'already-done', where: 'output', message } as const;
  context.emit({ type: 'finding', finding });
  return { ...finished, warnings: [...finished.warnings, finding] };
}
