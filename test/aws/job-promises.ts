import { hasEnded } from '../../shared/domain/job-states.ts';
import type { World } from '../../shared/platform/ports.ts';
import type { JobStreamEvent } from '../../shared/contract/job-stream.ts';
import { allRecords } from '../../shared/records/all-records.ts';
import { findDelivery } from '../../shared/records/job-delivery.ts';
import { readStream } from '../../shared/records/job-stream.ts';
import { getJobRecord, type JobRecord } from '../../shared/records/jobs.ts';
import { auditPartition } from '../../shared/records/keys.ts';
import { getVersionRecord } from '../../shared/records/versions.ts';

/** What holds of a training job that has succeeded, whatever went wrong on its way: resolves to each promise that was broken. */
export async function brokenPromises(world: World, team: string, jobId: string): Promise<string[]> {
  const { value: job } = await getJobRecord(world.table, team, jobId);
  const events = await readStream(world.table, team, jobId, { after: 0, count: Infinity });
  const audit = await auditOf(world, job);
  const by = (action: string, id: string): number =>
    audit.filter((row) => row.action === action && row.resource.endsWith(id)).length;
  const versionId = job.makes.versionId ?? '';
  const version = await getVersionRecord(world.table, team, versionId).catch(() => undefined);
  const delivery = await findDelivery(world.table, team, jobId);
  const ends = events.filter(({ event }) => event.type === 'state' && hasEnded(event.state));
  const promises: Readonly<Record<string, boolean>> = {
    'the job succeeded': job.state === 'succeeded',
    'it ended once': by('job.succeed', jobId) === 1 && ends.length === 1,
    'nothing is said after the end': events.at(-1)?.id === ends.at(-1)?.id,
    'its lines are numbered without a gap': events.every(({ id }, at) => id === at + 1),
    'a version is published': version?.value.state === 'published' && version.value.id === job.output.versionId,
    'it is published once': by('version.publish', versionId) === 1 && by('version.create', versionId) === 1,
    'what was kept is what was published': JSON.stringify(delivery?.files) === JSON.stringify(version?.value.files),
    'one container at a time works': isInOrder(events),
  };
  return Object.entries(promises).flatMap(([promise, isKept]) => (isKept ? [] : [promise]));
}

/** Each beginning says from which step it goes on, none skips any, and its steps are said once. */
function isInOrder(events: readonly JobStreamEvent[]): boolean {
  let done = 0;
  for (const { event } of events) {
    if (event.type === 'run') {
      if (event.firstStep > done + 1) return false;
      done = event.firstStep - 1;
    }
    if (event.type === 'step' && event.step !== ++done) return false;
  }
  return true;
}

/** The first steps of the containers that have trained, in their order. */
export async function beginnings(world: World, team: string, jobId: string): Promise<number[]> {
  const events = await readStream(world.table, team, jobId, { after: 0, count: Infinity });
  return events.flatMap(({ event }) => (event.type === 'run' ? [event.firstStep] : []));
}

async function auditOf(world: World, job: JobRecord): Promise<{ action: string; resource: string }[]> {
  const rows: { action: string; resource: string }[] = [];
  const hours = new Set([job.createdAt, new Date(world.now()).toISOString()].map((iso) => iso.slice(0, 13)));
  for (const hour of hours)
    for await (const { value } of allRecords(world.table, { partition: auditPartition(job.team, hour) }))
      rows.push(value as { action: string; resource: string }); // as `commit` writes
  return rows;
}
