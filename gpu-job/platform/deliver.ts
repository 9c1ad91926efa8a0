import { join } from 'node:path';
import { adapterFileKind } from '../../shared/domain/adapter-files.ts';
import type { PinnedRequest } from '../../shared/domain/spec-of-request.ts';
import { invariant, type Finding } from '../../shared/errors.ts';
import type { BlobRef, World } from '../../shared/platform/ports.ts';
import { blobKeys } from '../../shared/records/blob-keys.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { writeDelivery, type Delivery } from '../../shared/records/job-delivery.ts';
import type { Fence } from '../../shared/records/job-fence.ts';
import type { JobRecord } from '../../shared/records/jobs.ts';
import { checkAdapter } from './check-adapter.ts';
import { describeBase } from './describe-base.ts';
import { publishTrials } from './finish-sweep.ts';
import { placeFiles } from './place-files.ts';
import { pinnedBase } from './prepare-inputs.ts';
import { publishOne, publishTasks } from './publish-made.ts';
import { publishBase } from './publish-base.ts';
import { listFiles, storeFiles } from './store-files.ts';
import { bytesOfFiles, takeRoom } from './take-room.ts';
import { withoutPlaces } from './without-places.ts';

/** What a job makes, by its request. */
type Product =
  | { readonly kind: 'adapter'; readonly adapter: string; readonly origin: 'train' | 'compose' }
  | { readonly kind: 'adapters'; readonly adapters: readonly string[] }
  | { readonly kind: 'trials' }
  | { readonly kind: 'base'; readonly base: string; readonly origin: 'train' | 'merge' }
  | { readonly kind: 'files' }
  | { readonly kind: 'report' };

function productOf(request: PinnedRequest): Product {
  if (request.kind === 'evaluate' || request.kind === 'generate') return { kind: 'report' };
  if (request.kind === 'export') return { kind: 'files' };
  if (request.kind === 'sweep') return { kind: 'trials' };
  if (request.kind === 'train-tasks')
    return { kind: 'adapters', adapters: request.tasks.map(({ output }) => output.adapter) };
  if (request.kind === 'compose') return { kind: 'adapter', adapter: request.output.adapter, origin: 'compose' };
  if (request.kind === 'merge') return { kind: 'base', base: request.output.base, origin: 'merge' };
  return 'adapter' in request.output
    ? { kind: 'adapter', adapter: request.output.adapter, origin: 'train' }
    : { kind: 'base', base: request.output.base, origin: 'train' };
}

/** Keeps what a job has made, and says so in one record: from then on it is only published. Throws `FencedOutError`,
 * and `DomainError('storage-exceeded')` where the team has no room for it; then nothing is stored. */
export async function storeOutputs(
  world: World,
  fence: Fence,
  job: JobRecord,
  request: PinnedRequest,
  made: { readonly report: object; readonly output: string; readonly folder: string },
): Promise<Delivery> {
  const { team, id, makes } = job;
  const product = productOf(request);
  const paths = ['report', 'adapters', 'trials'].includes(product.kind) ? [] : await listFiles(made.output);
  const put = async (key: string, value: unknown): Promise<BlobRef> => {
    const { versionId } = await world.blobs.put(key, Buffer.from(JSON.stringify(value)));
    return { key, versionId };
  };
  const store = async (
    folder: string,
    of: string,
    kept: readonly string[],
    keyOf: (team: string, id: string, path: string) => string,
  ): Promise<Delivery['files']> => {
    await takeRoom(world, fence, job, { id: of, bytes: await bytesOfFiles(folder, kept), reserved: 0 });
    return storeFiles(world, folder, kept, (path) => keyOf(team, of, path));
  };
  let files: Delivery['files'] = [];
  let outcome: BlobRef | null = null;
  const tasks: Delivery['tasks'] = [];
  const adapterIn = async (folder: string, versionId = ''): Promise<Delivery['tasks'][number]> => {
    invariant(job.inputs.base, 'an adapter is made for a base');
    const base = await pinnedBase(world, team, job.inputs.base);
    const checked = await put(blobKeys.jobOutcome(team, id), await checkAdapter(world, base, folder));
    const kept = (await listFiles(folder)).filter((path) => adapterFileKind(path) !== 'foreign');
    return { files: await store(folder, versionId, kept, blobKeys.versionFile), outcome: checked };
  };
  if (product.kind === 'adapter') ({ files, outcome } = await adapterIn(made.output, makes.versionId));
  else if (product.kind === 'adapters')
    for (const [i, adapter] of product.adapters.entries())
      tasks.push(await adapterIn(join(made.output, adapter), makes.versionIds?.[i]));
  else if (product.kind === 'base') {
    files = await store(made.output, makes.baseId ?? '', paths, blobKeys.baseFile);
  } else if (product.kind === 'files') {
    files = await store(made.output, id, paths, blobKeys.jobFile);
  }
  const told = withoutPlaces(made.report, made.folder) as { readonly warnings?: readonly Finding[] }; // every report has them
  const report = await put(blobKeys.jobReport(team, id), told);
  const delivery = { report, files, outcome, tasks, findings: [...(told.warnings ?? [])] };
  await writeDelivery(world, fence, delivery);
  return delivery;
}

interface DeliveryPlace {
  readonly delivery: Delivery;
  /** For what has to be looked at again. */
  readonly folder: string;
  /** Told of each of several versions that stands. */
  readonly onVersion: () => void;
}

/** Makes what is kept visible: a version, a base, or files of the job. Repeating it makes nothing twice. Throws `FencedOutError`. */
export async function publishOutputs(
  world: World,
  caller: Caller,
  fence: Fence,
  job: JobRecord,
  request: PinnedRequest,
  { delivery, folder, onVersion }: DeliveryPlace,
): Promise<{ readonly output: JobRecord['output']; readonly findings: readonly Finding[] }> {
  const product = productOf(request);
  // what a trial has made is published by its sweep, or not at all
  if (job.sweepId !== null) return { output: {}, findings: [] };
  switch (product.kind) {
    case 'report':
      return { output: {}, findings: [] };
    case 'files':
      return { output: { files: delivery.files.length }, findings: [] };
    case 'adapter': {
      const { adapter, origin } = product;
      const { files, outcome } = delivery;
      invariant(outcome && job.makes.versionId !== undefined, 'an adapter was checked, and its id chosen with the job');
      const made = { job, versionId: job.makes.versionId, inputs: job.inputs, adapter, origin, files, outcome };
      return publishOne(world, caller, fence, made);
    }
    case 'trials': {
      invariant(request.kind === 'sweep', 'trials are those of a sweep');
      return publishTrials(world, caller, fence, { job, request, delivery, onVersion });
    }
    case 'adapters': {
      invariant(request.kind === 'train-tasks', 'several adapters are those of tasks');
      return publishTasks(world, caller, fence, { job, request, delivery, onVersion });
    }
    case 'base': {
      // a container that takes over has only what is kept
      await placeFiles(world, delivery.files, folder);
      const facts = await describeBase(folder);
      const { base, origin } = product;
      const { name, findings } = await publishBase(world, caller, fence, {
        job,
        base,
        origin,
        files: delivery.files,
        facts,
      });
      return { output: { base: name }, findings };
    }
  }
}
