import { datasetsOf } from '../../shared/domain/spec-of-request.ts';
import type { TrainTasksRequest } from '../../shared/domain/task-requests.ts';
import { DomainError, invariant, refuseErrors, type Finding } from '../../shared/errors.ts';
import type { BlobRef, World } from '../../shared/platform/ports.ts';
import { readJsonBlob } from '../../shared/records/base-tensors.ts';
import type { Caller } from '../../shared/records/caller.ts';
import type { Delivery } from '../../shared/records/job-delivery.ts';
import type { Fence } from '../../shared/records/job-fence.ts';
import type { JobInputs, JobRecord } from '../../shared/records/jobs.ts';
import type { VersionOutcome } from '../../shared/records/publish-version.ts';
import { publishAdapter, type MadeAdapter } from './publish-adapter.ts';

/** What a job has made, and what it has to say of it. */
export interface Published {
  readonly output: JobRecord['output'];
  readonly findings: readonly Finding[];
}

/** Publishes the adapter that a job has made and checked. Repeating it makes nothing twice. Throws `FencedOutError`. */
export async function publishOne(
  world: World,
  caller: Caller,
  fence: Fence,
  made: Omit<MadeAdapter, 'base' | 'outcome'> & { readonly outcome: BlobRef },
): Promise<Published> {
  const base = made.job.inputs.base?.name;
  invariant(base !== undefined, 'an adapter was checked against its base');
  const outcome = (await readJsonBlob(world, made.outcome)) as VersionOutcome; // written when it was checked
  const { version, findings } = await publishAdapter(world, caller, fence, { ...made, base, outcome });
  const { adapter, id: versionId, version: number } = version;
  return { output: { adapter, versionId, ...(number === null ? {} : { version: number }) }, findings };
}

/**
 * Publishes the adapters of several tasks, one after another. Whoever repeats it publishes those that are missing. One that cannot be published, because its
 * rows were erased meanwhile, keeps back none of the others. Throws `DomainError('not-published')` with a finding for each such one once the
 * others stand, and `FencedOutError`.
 */
export async function publishTasks(
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
    readonly request: TrainTasksRequest;
    readonly delivery: Delivery;
    readonly onVersion: () => void;
  },
): Promise<Published> {
  const versions: NonNullable<JobRecord['output']['versions']> = [];
  const findings: Finding[] = [];
  for (const [i, { output }] of request.tasks.entries()) {
    const [versionId, task] = [job.makes.versionIds?.[i], delivery.tasks[i]];
    invariant(
      versionId !== undefined && task,
      'each task has what was made of it, and an id that was chosen with the job',
    );
    const made = { job, versionId, inputs: inputsOfTask(job.inputs, request, i), adapter: output.adapter, ...task };
    try {
      const one = await publishOne(world, caller, fence, { ...made, origin: 'train' });
      const { adapter = '', version = 0 } = one.output;
      versions.push({ adapter, versionId, version });
      findings.push(...one.findings.map((finding) => ({ ...finding, where: `tasks[${i}].output.adapter` })));
      onVersion();
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const { code, message } = error;
      findings.push({ severity: 'error', code, where: `tasks[${i}].output.adapter`, message });
    }
  }
  refuseErrors('not-published', 'Not every adapter could be published; the others stand:', findings);
  return { output: { versions }, findings };
}

/** The datasets of one task among those of its job: its version descends from no others. */
function inputsOfTask({ datasets = [], ...rest }: JobInputs, request: TrainTasksRequest, task: number): JobInputs {
  const roles = datasetsOf(request);
  return { ...rest, datasets: datasets.filter((_, i) => roles[i]?.task === task) };
}
