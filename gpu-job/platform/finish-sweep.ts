import type { SweepReport, SweepRunReport, TrainReport } from '../../shared/contract/reports.ts';
import type { PinnedRequest } from '../../shared/domain/spec-of-request.ts';
import { rankRuns } from '../../shared/domain/rank-runs.ts';
import { failedOutcome, outcomeOf } from '../../shared/domain/sweep-outcome.ts';
import { trialsOf, type SweepRequest } from '../../shared/domain/sweep-requests.ts';
import { hasEnded } from '../../shared/domain/job-states.ts';
import { DomainError, invariant, UnavailableError, type Finding } from '../../shared/errors.ts';
import type { BlobRef, World } from '../../shared/platform/ports.ts';
import { readJsonBlob } from '../../shared/records/base-tensors.ts';
import { blobKeys } from '../../shared/records/blob-keys.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { findDelivery, writeDelivery, type Delivery } from '../../shared/records/job-delivery.ts';
import type { Fence } from '../../shared/records/job-fence.ts';
import type { JobRecord } from '../../shared/records/jobs.ts';
import { readTrials } from '../../shared/records/trials.ts';
import { publishOne, type Published } from './publish-made.ts';

/**
 * Ranks the trials of a sweep by what they have reported, and keeps the ranking: from then on it stands. Throws `DomainError('sweep')` where none was trained,
 * `UnavailableError` where one has not ended, and `FencedOutError`.
 */
export async function rankTrials(
  world: World,
  fence: Fence,
  job: JobRecord,
  request: Extract<PinnedRequest, { readonly kind: 'sweep' }>,
): Promise<Delivery> {
  const trials = await readTrials(world.table, job);
  const runs: Omit<SweepRunReport, 'rank'>[] = [];
  const warnings = new Map<string, Finding>();
  for (const [i, { name, settings }] of trialsOf(request).entries()) {
    const trial = trials[i];
    if (!trial || !hasEnded(trial.state)) throw new UnavailableError(`Its trial ${name} has not ended.`);
    for (const finding of trial.findings as readonly Finding[])
      if (finding.severity === 'warning') warnings.set(JSON.stringify([finding.where, finding.message]), finding);
    runs.push({ name, jobId: trial.id, settings, ...(await resultOf(world, trial)) });
  }
  const ranked = rankRuns(runs);
  const [best] = ranked;
  if (best?.rank !== 1) throw noneTrained(runs);
  const report: SweepReport = {
    kind: 'sweep',
    output: request.output.adapter,
    best: best.name,
    runs: ranked,
    seconds: trials.reduce((sum, trial) => sum + (trial?.machineSeconds ?? 0), 0),
    warnings: [...warnings.values()],
  };
  const { versionId } = await world.blobs.put(
    blobKeys.jobReport(job.team, job.id),
    Buffer.from(JSON.stringify(report)),
  );
  const ref: BlobRef = { key: blobKeys.jobReport(job.team, job.id), versionId };
  const delivery = { report: ref, files: [], outcome: null, tasks: [], findings: [...report.warnings] };
  await writeDelivery(world, fence, delivery);
  return delivery;
}

/**
 * Publishes the best trial of a ranking, or each of them, the best last, so that it is the latest. Repeating it makes nothing twice. Throws
 * `DomainError('input-gone')` where what a trial made is gone, and `FencedOutError`.
 */
export async function publishTrials(
  world: World,
  caller: Caller,
  fence: Fence,
  {
    job,
    request,
    delivery,
    onVersion,
  }: {
    readonly job: JobRecord;
    readonly request: SweepRequest;
    readonly delivery: Delivery;
    readonly onVersion: () => void;
  },
): Promise<Published> {
  const { runs } = (await readJsonBlob(world, delivery.report)) as SweepReport; // written by rankTrials
  const trained = runs.filter(({ rank }) => rank !== null);
  const chosen = request.publish === 'each' ? trained.toReversed() : trained.slice(0, 1);
  const trials = new Map((await readTrials(world.table, job)).map((trial) => [trial?.id, trial]));
  const versions: NonNullable<JobRecord['output']['versions']> = [];
  const findings: Finding[] = [];
  for (const run of chosen) {
    const trial = trials.get(run.jobId ?? '');
    const made = trial && (await findDelivery(world.table, job.team, trial.id));
    if (!trial || !made?.outcome || trial.makes.versionId === undefined)
      throw new DomainError('input-gone', `What ${run.name} has made is gone: start the sweep again.`);
    const one = await publishOne(world, caller, fence, {
      job: trial,
      versionId: trial.makes.versionId,
      inputs: trial.inputs,
      adapter: request.output.adapter,
      origin: 'train',
      files: made.files,
      outcome: made.outcome,
      notes: notesOf(run, job.id),
    });
    const { adapter, version = 0 } = one.output;
    invariant(adapter !== undefined, 'a version belongs to an adapter');
    versions.push({ adapter, versionId: trial.makes.versionId, version });
    findings.push(...one.findings);
    onVersion();
  }
  const best = versions.at(-1);
  return { output: { ...best, ...(request.publish === 'each' ? { versions } : {}) }, findings };
}

async function resultOf(
  world: World,
  trial: JobRecord,
): Promise<Omit<SweepRunReport, 'rank' | 'name' | 'settings' | 'jobId'>> {
  if (trial.state === 'succeeded' && trial.report)
    return outcomeOf((await readJsonBlob(world, trial.report)) as TrainReport); // of a job of this kind
  const diverged = trial.findings.find(({ code }) => code === 'diverged');
  return failedOutcome(diverged?.code, trial.reason);
}

const notesOf = ({ name, settings, evalLoss }: SweepRunReport, sweepId: string): string =>
  `${name} of the sweep ${sweepId}: ${JSON.stringify(settings)}, held-out loss ${evalLoss?.toFixed(4) ?? ''}`;

function noneTrained(runs: readonly Omit<SweepRunReport, 'rank'>[]): DomainError {
  const lines = runs.map(({ name, message }) => `${name}: ${message ?? ''}`);
  return new DomainError('sweep', ['No trial of the sweep was trained:', ...lines].join('\n'));
}
