import { join } from 'node:path';
import type { JobEvent } from '../../shared/contract/job-events.ts';
import { readPinnedRequest, specOfRequest, type PinnedRequest } from '../../shared/domain/spec-of-request.ts';
import { DomainError, UnavailableError, type Finding } from '../../shared/errors.ts';
import type { World } from '../../shared/platform/ports.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { changeJobRecord } from '../../shared/records/change-job-record.ts';
import { findDelivery, type Delivery } from '../../shared/records/job-delivery.ts';
import { FencedOutError } from '../../shared/records/job-fence.ts';
import { findingsThatFit } from '../../shared/records/versions.ts';
import { writeFileAtomic } from '../folders/files.ts';
import type { Container, ContainerRun, ContainerTools } from './container.ts';
import { createCheckpointStore } from './checkpoint-store.ts';
import { claimJob } from './claim-job.ts';
import { publishOutputs, storeOutputs } from './deliver.ts';
import { rankTrials } from './finish-sweep.ts';
import { importBase } from './import-base.ts';
import { openVoice } from './job-voice.ts';
import { prepareInputs } from './prepare-inputs.ts';
import { secondsLeft } from './seconds-left.ts';
import { withoutPlaces } from './without-places.ts';
import { validateUpload } from './validate-upload.ts';
import { makeWorkFolder, removeWorkFolder } from './work-folder.ts';

/**
 * Claims a job, does it, publishes what it made, and ends it: exactly once, however many containers try. Comes back quietly when the job is
 * not, or no longer, its to do. Throws what made the job fail or stop, after that was written.
 */
export async function runContainer(world: World, run: ContainerRun, tools: ContainerTools): Promise<void> {
  const caller: Caller = { team: run.team, keyId: run.jobId, scopes: [], requestId: run.runId };
  const claimed = await claimJob(world, caller, { ...run, machineClass: tools.machineClass });
  if (!claimed) return;
  const { job, fence } = claimed;
  const folder = await makeWorkFolder(tools.work, fence);
  const voice = openVoice(world, fence, job.attempt);
  const end = AbortSignal.any([tools.stop, voice.lost]);
  const container: Container = { ...tools, world, caller, fence, job, voice, folder, end };
  try {
    tools.onStage?.('claimed');
    if (job.kind === 'import-base') await importBase(container);
    else if (job.kind === 'validate-upload') await validateUpload(container);
    else await runRequest(container, readPinnedRequest(job.request));
  } catch (error) {
    if (error instanceof FencedOutError || voice.lost.aborted) return;
    // what went wrong here is no word on a job that another container does
    if ((await endEarly(container, error)) === 'lost') return;
    throw error;
  } finally {
    voice.stop();
    await removeWorkFolder(tools.work, fence);
  }
}

async function runRequest(container: Container, request: PinnedRequest): Promise<void> {
  const { world, caller, fence, job, voice, folder } = container;
  const delivery = (await findDelivery(world.table, job.team, job.id)) ?? (await deliver(container, request));
  container.onStage?.('stored');
  const place = { delivery, folder: join(folder, 'published'), onVersion: () => container.onStage?.('version') };
  const { output, findings } = await publishOutputs(world, caller, fence, job, request, place);
  container.onStage?.('published');
  await voice.flush();
  const stoppedBy = delivery.findings.some(({ code }) => code === 'budget-spent') ? ('budget' as const) : null;
  const all = findingsThatFit([...toFindings(delivery), ...findings]);
  const also = { output, stoppedBy, report: delivery.report, findings: all };
  await changeJobRecord(world, caller, job.id, { type: 'succeed' }, { fence, also });
}

async function deliver(container: Container, request: PinnedRequest): Promise<Delivery> {
  const { world, fence, job } = container;
  return request.kind === 'sweep' ? rankTrials(world, fence, job, request) : work(container, request);
}

/** Runs the job on plain folders and keeps what it has made. */
async function work(container: Container, request: PinnedRequest): Promise<Delivery> {
  const { world, fence, job, voice, folder, threads, device, end } = container;
  const places = await prepareInputs(world, job, request, folder);
  // the runs of several tasks stand side by side in the folder of their results
  const runsFolder = request.kind === 'train-tasks' ? places.output : `${places.output}.run`;
  const checkpoints = createCheckpointStore(world, fence, job, runsFolder, voice);
  const isTraining = request.kind === 'train' || request.kind === 'train-tasks';
  if (isTraining) await checkpoints.restore();
  const spec = specOfRequest(request, {
    ...places,
    ...(threads === undefined ? {} : { threads }),
    ...(device ? { device } : {}), // an empty setting is none
  });
  await writeFileAtomic(join(folder, 'spec.json'), `${JSON.stringify(spec, undefined, 2)}\n`);
  container.onStage?.('prepared');
  const onEvent = (event: JobEvent): void => {
    if (event.type === 'checkpoint') checkpoints.save([event.path, ...(event.others ?? [])]);
    voice.say(withoutPlaces(event, folder));
  };
  let report: object;
  try {
    report = await container.runJob(spec, { onEvent, stop: end, secondsMax: secondsLeft(world, job) });
  } finally {
    // of a run that ends early, too: that is what it goes on from
    await checkpoints.settle();
  }
  await voice.flush();
  const delivery = await storeOutputs(world, fence, job, request, { report, output: places.output, folder });
  if (isTraining) await checkpoints.discard();
  return delivery;
}

/** Writes why a job did not come to its end here; `lost` when it is not this container's any more. */
async function endEarly(
  { world, caller, fence, job, voice, folder }: Container,
  error: unknown,
): Promise<'lost' | undefined> {
  const reason = withoutPlaces(error instanceof Error ? error.message : String(error), folder);
  if (!(error instanceof DomainError || error instanceof UnavailableError)) voice.say({ type: 'log', text: reason });
  try {
    await voice.flush();
    if (error instanceof DomainError) {
      const found: readonly Finding[] =
        error.findings.length > 0 ? error.findings : [{ severity: 'error', code: error.code, message: error.message }];
      const findings = findingsThatFit(withoutPlaces(found, folder));
      await changeJobRecord(world, caller, job.id, { type: 'refuse', reason }, { fence, also: { findings } });
    } else {
      const type = error instanceof UnavailableError ? 'stop' : 'die';
      await changeJobRecord(world, caller, job.id, { type, reason }, { fence });
    }
    return undefined;
  } catch (second) {
    if (second instanceof FencedOutError) return 'lost';
    // the sweep sees by the run's end what could not be written
    if (!(second instanceof UnavailableError)) throw second;
    return undefined;
  }
}

const toFindings = ({ findings }: Delivery): readonly Finding[] => findings as readonly Finding[]; // the schema's form is that of Finding
