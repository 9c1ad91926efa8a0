import { jobRequestSchema, type JobRequest } from '../../shared/contract/job-requests.ts';
import { forkJob as operation } from '../../shared/contract/jobs.ts';
import { presetOf, withoutPresetSettings } from '../../shared/contract/specs/train-presets.ts';
import { issueFindings } from '../../shared/contract/specs/issue-findings.ts';
import { isOfPlatform } from '../../shared/domain/job-states.ts';
import { DomainError, refuseErrors } from '../../shared/errors.ts';
import { getJobRecord, type JobRecord } from '../../shared/records/jobs.ts';
import { creator } from '../http/handler.ts';
import { madeJob, makeJob } from './make-job.ts';
import { mergeChanges } from './merge-changes.ts';
import { checkValue } from '../../shared/check-value.ts';

export const forkJob = creator(
  operation,
  async (deps, caller, { params, body, query }) => {
    const { value } = await getJobRecord(deps.world.table, caller.team, params.job);
    return makeJob(deps, caller, forkedRequest(value, body.changes), { dryRun: query.dryRun, forkOf: value.id });
  },
  async (deps, caller, created, { params, body }) => {
    const { value } = await getJobRecord(deps.world.table, caller.team, params.job);
    return madeJob(deps, caller, created, forkedRequest(value, body.changes));
  },
);

/** Throws `DomainError('job')` with everything that is wrong with the changed request. */
function forkedRequest({ kind, request }: JobRecord, changes: Readonly<Record<string, unknown>>): JobRequest {
  if (isOfPlatform(kind))
    throw new DomainError(
      'job',
      'What an import or an upload has made is not forked: add the base, or send it, again.',
    );
  // the recipe of a composition follows from its name
  const { recipe: _, ...plain } = request;
  const preset = presetOf(changes['preset']);
  const kept = preset ? withoutPresetSettings(plain, preset) : plain;
  const parsed = checkValue(jobRequestSchema, mergeChanges(kept, changes), { reportInput: true });
  if (parsed.success) return parsed.data;
  const findings = issueFindings(jobRequestSchema, parsed.error.issues);
  refuseErrors('job', 'The changed job cannot be started:', findings);
  throw parsed.error;
}
