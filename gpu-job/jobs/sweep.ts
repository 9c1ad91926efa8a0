import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { SweepReport, SweepRunReport, TrainReport } from '../../shared/contract/reports.ts';
import { sweepRuns, type SweepSpec } from '../../shared/contract/specs/sweep.ts';
import { rankRuns } from '../../shared/domain/rank-runs.ts';
import { failedOutcome, outcomeOf } from '../../shared/domain/sweep-outcome.ts';
import { DomainError, type Finding } from '../../shared/errors.ts';
import { exists, readJsonFile, writeFileAtomic } from '../folders/files.ts';
import type { JobContext } from './job-context.ts';
import { runTrain } from './train.ts';

/**
 * Trains every run of a sweep into a folder of its own, one after another, and ranks them. A run that stands already is not trained again
 * and one that was stopped goes on, so the same sweep started again goes on. A run that diverges or cannot be run is told among the others.
 * Throws `DomainError('folder-exists')` where the folder holds another sweep, `DomainError('sweep')` when no run was trained, and
 * `UnavailableError` when it was asked to stop and has saved its work.
 */
export async function runSweep(spec: SweepSpec, context: JobContext): Promise<SweepReport> {
  const startedAt = context.now();
  const runs = sweepRuns(spec);
  await mkdir(spec.output, { recursive: true });
  await refuseOtherSweep(spec, runs);
  const warnings: Finding[] = [];
  const done: Omit<SweepRunReport, 'rank'>[] = [];
  for (const [i, { name, settings, spec: train }] of runs.entries()) {
    context.emit({ type: 'progress', stage: name, done: i, total: runs.length, unit: 'runs' });
    const told = {
      ...context,
      emit: (event: Parameters<JobContext['emit']>[0]): void => forward(event, warnings, context),
    };
    const outcome = await trained(() => runTrain(train, told));
    done.push({ name, settings, ...outcome });
  }
  const ranked = rankRuns(done);
  const [best] = ranked;
  if (best?.rank !== 1) throw new DomainError('sweep', noneText(done));
  const report: SweepReport = {
    kind: 'sweep',
    output: spec.output,
    best: best.name,
    runs: ranked,
    seconds: (context.now() - startedAt) / 1000,
    warnings,
  };
  await writeFileAtomic(
    join(spec.output, 'sweep.json'),
    `${JSON.stringify({ ...report, output: basename(spec.output) }, undefined, 2)}\n`,
  );
  return report;
}

/** Every run says the same of base and data: once is enough, and that a run stands already is what going on means. */
function forward(event: Parameters<JobContext['emit']>[0], warnings: Finding[], context: JobContext): void {
  if (event.type === 'finding') {
    const { finding } = event;
    const known = warnings.some(({ where, message }) => where === finding.where && message === finding.message);
    if (finding.code === 'already-done' || known) return;
    warnings.push(finding);
  }
  context.emit(event);
}

async function trained(train: () => Promise<TrainReport>): Promise<Omit<SweepRunReport, 'rank' | 'name' | 'settings'>> {
  try {
    return outcomeOf(await train());
  } catch (error) {
    // another run in the place of this one is not a run that has failed
    if (!(error instanceof DomainError) || notOfTheRun.has(error.code)) throw error;
    return failedOutcome(error.code, error.message);
  }
}

const notOfTheRun: ReadonlySet<string> = new Set(['resume-differs', 'folder-exists', 'run-locked']);

/** What the folder holds is told by the settings that were written before the first run. */
async function refuseOtherSweep({ output }: SweepSpec, runs: ReturnType<typeof sweepRuns>): Promise<void> {
  const path = join(output, 'runs.json');
  const settings = JSON.stringify(
    runs.map((run) => ({ name: run.name, ...run.settings })),
    undefined,
    2,
  );
  if (!(await exists(path))) return writeFileAtomic(path, `${settings}\n`);
  if (JSON.stringify(await readJsonFile(path), undefined, 2) === settings) return;
  throw new DomainError(
    'folder-exists',
    `${output} holds the runs of another sweep: choose another folder or remove it.`,
  );
}

function noneText(runs: readonly Omit<SweepRunReport, 'rank'>[]): string {
  const messages = new Map<string, string[]>();
  for (const { name, message } of runs) messages.set(message ?? '', [...(messages.get(message ?? '') ?? []), name]);
  return [
    'No run of the sweep was trained:',
    ...[...messages].map(([message, names]) => `${names.join(', ')}: ${message}`),
  ].join('\n');
}
