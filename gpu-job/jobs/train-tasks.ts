import { mkdir, rm } from 'node:fs/promises';
import type { TrainReport, TrainTasksReport } from '../../shared/contract/reports.ts';
import type { TrainSpec } from '../../shared/contract/specs/train.ts';
import { taskRuns, type TrainTasksSpec } from '../../shared/contract/specs/train-tasks.ts';
import { DomainError, findingsOf, invariant, refuseErrors, type Finding } from '../../shared/errors.ts';
import { exists } from '../folders/files.ts';
import { sharedLora } from '../methods/shared-lora.ts';
import { tunedModel } from '../methods/tuned-model.ts';
import { runFolders, type RunFolders } from '../training/run-folders.ts';
import { lockRun } from '../training/run-lock.ts';
import { runWall } from '../training/run-wall.ts';
import { joinRows } from '../training/token-rows.ts';
import { chooseStepPlan, unscaledPlan } from './choose-step-plan.ts';
import type { JobContext } from './job-context.ts';
import { prepareTraining, type PreparedTraining } from './prepare-training.ts';
import { runTaskSteps, type PreparedTask } from './task-steps.ts';
import { writeTrained } from './write-trained.ts';

/**
 * Trains an adapter for each task, all on one base and in one session. Each is what a training run of its own would be, up to the order in which
 * numbers are added. A task whose result stands is not trained again, and the others go on from their own checkpoints. Throws `DomainError('train')`
 * with the findings of all tasks before the first step, `DomainError('diverged' | 'budget-spent')`, and `UnavailableError` when it was asked to stop and has saved its work.
 */
export async function runTrainTasks(spec: TrainTasksSpec, context: JobContext): Promise<TrainTasksReport> {
  const startedAt = context.now();
  await mkdir(spec.output, { recursive: true });
  const held: HeldFolder[] = [];
  try {
    for (const task of taskRuns(spec)) held.push(await holdFolder(task));
    const tasks = await prepareTasks(held, context);
    try {
      const known = tasks.flatMap(({ name, run }) => run.warnings.map((finding) => ofTaskFinding(name, finding)));
      for (const finding of known) context.emit({ type: 'finding', finding });
      const reports = await trainOpen(tasks, context);
      const done = tasks.map(({ name }) => ({ name, report: reports.get(name) as TrainReport })); // each was trained, or had been
      return {
        kind: 'train-tasks',
        output: spec.output,
        tasks: done,
        seconds: (context.now() - startedAt) / 1000,
        warnings: done.flatMap(({ name, report }) => report.warnings.map((finding) => ofTaskFinding(name, finding))),
      };
    } finally {
      for (const { run } of tasks) await run.close();
    }
  } finally {
    for (const { unlock } of held) await unlock();
  }
}

/** A task with the folder of its run, which nobody else works in. */
interface HeldFolder {
  readonly name: string;
  readonly spec: TrainSpec;
  readonly folders: RunFolders;
  /** Whether it was made for this run. */
  readonly isNew: boolean;
  readonly unlock: () => Promise<void>;
}

async function holdFolder({ name, spec }: Pick<HeldFolder, 'name' | 'spec'>): Promise<HeldFolder> {
  const folders = runFolders(spec.output);
  const isNew = !(await exists(folders.run));
  await mkdir(folders.run, { recursive: true });
  return { name, spec, folders, isNew, unlock: await lockRun(folders.run) };
}

/** The reports of all tasks, after those have been trained that were not yet. */
async function trainOpen(
  tasks: readonly PreparedTask[],
  context: JobContext,
): Promise<ReadonlyMap<string, TrainReport>> {
  const reports = new Map<string, TrainReport>();
  for (const { name, run } of tasks) if (run.finished) reports.set(name, run.finished);
  const open = tasks.filter(({ name }) => !reports.has(name));
  const [first] = open;
  if (first) {
    const adapters = open.map(({ name, run }) => ({ name, targets: run.targets }));
    const model = tunedModel(first.run.model.base, (known) => sharedLora(known, adapters));
    const together: PreparedTraining = {
      ...first.run,
      model,
      parameters: model.method?.parameters ?? [],
      targets: adapters.flatMap(({ targets }) => targets),
      rows: joinRows(open.map(({ run }) => run.rows)),
      evalRows: joinRows(open.map(({ run }) => run.evalRows)),
    };
    const plan = unscaledPlan(await chooseStepPlan(first.spec, together));
    const wall = runWall(undefined, 0, context);
    const trained = await runTaskSteps(open, model, plan, wall, context);
    for (const { name, spec, run } of open) {
      const weights = trained.get(name);
      invariant(weights, `the task ${name} was trained`);
      reports.set(name, await writeTrained(spec, run, weights));
    }
  }
  for (const { run } of tasks) await rm(run.folders.run, { recursive: true, force: true });
  return reports;
}

/** Checks all tasks. Throws `DomainError('train')` with the findings of each; what is refused leaves nothing. */
async function prepareTasks(held: readonly HeldFolder[], context: JobContext): Promise<readonly PreparedTask[]> {
  const findings: Finding[] = [];
  const tasks: PreparedTask[] = [];
  try {
    for (const { name, spec, folders } of held)
      try {
        const run = await prepareTraining(spec, folders, context);
        tasks.push({ name, spec: run.spec, run });
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        findings.push(...findingsOf(error, name));
      }
    refuseErrors('train', 'The tasks cannot be trained:', findings);
    return tasks;
  } catch (error) {
    for (const { run } of tasks) await run.close();
    for (const { isNew, folders } of held)
      if (isNew && error instanceof DomainError) await rm(folders.run, { recursive: true, force: true });
    throw error;
  }
}

const ofTaskFinding = (task: string, finding: Finding): Finding => ({
  ...finding,
  where: finding.where === undefined ? task : `${task} ${finding.where}`,
});
