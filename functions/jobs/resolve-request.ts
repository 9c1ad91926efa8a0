import type { JobRequest } from '../../shared/contract/job-requests.ts';
import type { BaseTensor } from '../../shared/domain/base-modules.ts';
import { estimateLeft, leastBytes, type Estimate } from '../../shared/domain/estimate.ts';
import type { EstimateSubject } from '../../shared/domain/estimate-subject.ts';
import { bytesLeft, type LeftBytes } from '../../shared/domain/left-bytes.ts';
import {
  datasetsOf,
  readsBase,
  specOfRequest,
  type DataPlaces,
  type PinnedRequest,
  type SpecPlaces,
} from '../../shared/domain/spec-of-request.ts';
import { estimateTasks, estimateTrials, leastTasksBytes, longestSeconds } from '../../shared/domain/estimate-tasks.ts';
import { trialsOf } from '../../shared/domain/sweep-requests.ts';
import { taskRequests, type TrainRequest } from '../../shared/domain/task-requests.ts';
import { DomainError, refuseErrors, type Finding } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { isPackingName } from '../../shared/formats/packing.ts';
import type { World } from '../../shared/platform/ports.ts';
import { readBaseTensors } from '../../shared/records/base-tensors.ts';
import type { ReadyBase } from '../../shared/records/bases.ts';
import type { Caller } from '../../shared/records/caller.ts';
import { findComposition } from '../../shared/records/compositions.ts';
import { newId } from '../../shared/records/commit.ts';
import type { ReadyDataset } from '../../shared/records/datasets.ts';
import { sharedInput, type JobInputs, type JobRecord, type SharedInput } from '../../shared/records/jobs.ts';
import type { VersionRecord } from '../../shared/records/versions.ts';
import { settleTraining } from './settle-training.ts';
import { sweepFindings, taskFindings, trainFindings } from './train-findings.ts';
import { createSearch, type Search } from './search.ts';

/** A request whose names have been looked up and pinned, and that nothing is known to stand against. */
export interface ResolvedRequest {
  readonly request: PinnedRequest;
  readonly inputs: JobInputs;
  readonly shared: readonly SharedInput[];
  readonly makes: JobRecord['makes'];
  readonly estimate: Estimate;
  /** On a machine with so much memory. */
  estimateOn(availableBytes?: number): Estimate;
  /** What its most frugal way takes of memory. */
  readonly leastBytes: number;
  /** What it may leave in the store. */
  readonly leaves: LeftBytes;
  /** Of a sweep: how many trials it has, and what the longest is expected to take. */
  readonly trials?: { readonly count: number; readonly seconds: number } | undefined;
  /** Of the base; absent: it reads none. */
  readonly baseParameters?: number | undefined;
  readonly warnings: readonly Finding[];
}

/** What was found, as far as it was. */
interface Found {
  readonly request: PinnedRequest;
  readonly base?: ReadyBase | undefined;
  readonly datasets?: readonly {
    readonly role: ReturnType<typeof datasetsOf>[number]['role'];
    readonly task?: number | undefined;
    readonly dataset: ReadyDataset | undefined;
  }[];
  readonly parents?: readonly { readonly version: VersionRecord | undefined; readonly weight?: number }[];
  readonly compositionId?: string | undefined;
  /** A number: so many versions. */
  readonly makes?: 'version' | 'base' | number;
}

/** Checks everything that needs no machine. Throws `DomainError` with all findings; its code is theirs, or `job` where they differ. */
export async function resolveRequest(world: World, caller: Caller, request: JobRequest): Promise<ResolvedRequest> {
  const search = createSearch(world, caller.team);
  const found = await find(search, world, caller, request);
  const { base } = found;
  const tensors = base && (await readBaseTensors(world, base.tensors));
  const broken = specFindings(found.request);
  search.findings.push(...broken);
  const shared = sharedInputs(search, caller.team, found);
  // a sweep that is none has no trials to look at
  const settled = broken.length > 0 && request.kind === 'sweep' ? request : await settle(world, search, found, tensors);
  const codes = new Set(search.findings.flatMap(({ severity, code }) => (severity === 'error' ? [code] : [])));
  const [code = 'job'] = codes;
  const warnings = refuseErrors(codes.size === 1 ? code : 'job', 'This job cannot be started:', search.findings);

  const { datasets = [], parents = [] } = found;
  const subjectOf = (one: EstimateSubject['request'], own: FoundDatasets): EstimateSubject => ({
    request: one,
    baseBytes: base?.sizeBytes ?? 0,
    parameters: base?.parameters ?? 0,
    contextTokens: base?.contextTokens ?? null,
    tensors: tensors ?? [],
    datasets: sizesOf(own, ['dataset', 'evalDataset']),
    mix: sizesOf(own, ['mix']),
    adapterParameters: present(parents.map(({ version }) => version?.checks?.parameters)),
  });
  const ofTask = (i: number): FoundDatasets => datasets.filter(({ task }) => task === i);
  const subjects =
    settled.kind === 'train-tasks'
      ? taskRequests(settled).map((one, i) => subjectOf(one, ofTask(i)))
      : settled.kind === 'sweep'
        ? trialsOf(settled).map((trial) => subjectOf(trial.request, datasets))
        : [subjectOf(settled, datasets)];
  const left = estimateLeft(subjects);
  const estimateOn = (availableBytes?: number): Estimate =>
    settled.kind === 'sweep' ? estimateTrials(subjects, availableBytes) : estimateTasks(subjects, availableBytes);
  return {
    request: found.request,
    inputs: inputsOf(found),
    shared,
    makes: idsFor(world, found.makes),
    estimate: estimateOn(),
    estimateOn,
    leastBytes: settled.kind === 'sweep' ? Math.max(...subjects.map(leastBytes)) : leastTasksBytes(subjects),
    // a sweep reserves for its trials
    leaves: settled.kind === 'sweep' ? { outputBytes: [], traceBytes: bytesLeft(left) } : left,
    trials: settled.kind === 'sweep' ? { count: subjects.length, seconds: longestSeconds(subjects) } : undefined,
    baseParameters: base?.parameters ?? undefined,
    warnings,
  };
}

function idsFor(world: Pick<World, 'now' | 'randomBytes'>, makes: Found['makes']): JobRecord['makes'] {
  if (makes === 'version') return { versionId: newId(world, 'ver') };
  if (makes === 'base') return { baseId: newId(world, 'bas') };
  return makes === undefined ? {} : { versionIds: Array.from({ length: makes }, () => newId(world, 'ver')) };
}

/** Each once; no more of them than its container can be let at. */
function sharedInputs(search: Search, team: string, { parents = [] }: Found): SharedInput[] {
  const versions = present(parents.map(({ version }) => version)).filter((version) => version.team !== team);
  const inputs = [...new Map(versions.map((version) => [version.id, sharedInput(version)])).values()];
  if (inputs.length > limits.sharedVersionsMax)
    search.refuse(
      'too-many-shared',
      'composition',
      `It has ${inputs.length} members of other teams; a job reads at most ${limits.sharedVersionsMax}: compose some of them first.`,
    );
  return inputs;
}

type FoundDatasets = NonNullable<Found['datasets']>;

const sizesOf = (
  datasets: FoundDatasets,
  roles: readonly FoundDatasets[number]['role'][],
): EstimateSubject['datasets'] =>
  present(datasets.map(({ role, dataset }) => (roles.includes(role) ? dataset : undefined))).map(
    ({ rows, sizeBytes, format }) => ({ rows, sizeBytes, format }),
  );

/** What is known to stand against a training run, and the request with the method that it comes to. */
async function settle(
  world: World,
  search: Search,
  { request, base, parents = [] }: Found,
  tensors: readonly BaseTensor[] | undefined,
): Promise<PinnedRequest> {
  if (!base || !tensors) return request;
  if (request.kind === 'train-tasks') search.findings.push(...taskFindings(request, base, tensors));
  if (request.kind === 'sweep') search.findings.push(...sweepFindings(request, base, tensors));
  if (request.kind !== 'train') return request;
  const { settled, findings } = await settleTraining(world, request, parents[0]?.version, tensors);
  search.findings.push(...findings, ...(settled ? trainFindings(settled, base, tensors) : []));
  return settled ?? request;
}

async function find(search: Search, world: World, { team }: Caller, request: JobRequest): Promise<Found> {
  switch (request.kind) {
    case 'train': {
      const base = await search.base('base', request.base);
      const datasets = await findDatasets(search, request);
      if (base) refuseUnrunnable(search, base);
      if (request.method.kind === 'full') refusePacked(search, base, 'trained: train an adapter');
      if ('adapter' in request.output) await search.freeAdapter('output.adapter', request.output.adapter, base?.name);
      else await search.freeBase('output.base', request.output.base);
      const makes = 'adapter' in request.output ? 'version' : 'base';
      const { method } = request;
      if (method.kind !== 'continue') return { request, base, datasets, makes };
      const version = await search.version('method.version', method.adapter, method.version, true);
      refuseOtherBase(search, version, base, 'method.adapter');
      const pinned = { ...request, method: pinVersion(method, version) };
      return { request: pinned, base, datasets, parents: [{ version }], makes };
    }
    case 'train-tasks': {
      const base = await search.base('train.base', request.train.base);
      if (base) refuseUnrunnable(search, base, 'train.base');
      const datasets = await findDatasets(search, request);
      for (const [i, { output }] of request.tasks.entries())
        await search.freeAdapter(`tasks[${i}].output.adapter`, output.adapter, base?.name);
      return { request, base, datasets, makes: request.tasks.length };
    }
    case 'sweep': {
      const base = await search.base('train.base', request.train.base);
      if (base) refuseUnrunnable(search, base, 'train.base');
      const datasets = await findDatasets(search, request);
      await search.freeAdapter('output.adapter', request.output.adapter, base?.name);
      return { request, base, datasets };
    }
    case 'evaluate': {
      const base = await search.base('base', request.base);
      if (base) refuseUnrunnable(search, base);
      const datasets = await findDatasets(search, request);
      if (request.adapter === undefined) return { request, base, datasets };
      const version = await search.version('version', request.adapter, request.version, true);
      refuseOtherBase(search, version, base);
      return { request: pinVersion(request, version), base, datasets, parents: [{ version }] };
    }
    case 'generate': {
      const version =
        request.adapter === undefined
          ? undefined
          : await search.version('version', request.adapter, request.version, true);
      const name = request.base ?? version?.base;
      const base = name === undefined ? undefined : await search.base('base', name);
      if (base) refuseUnrunnable(search, base);
      if (name === undefined && request.adapter === undefined)
        search.refuse('no-such-base', 'base', 'Give a base, or an adapter, whose base is then taken.');
      refuseOtherBase(search, version, base);
      return { request: pinVersion(request, version), base, ...(version ? { parents: [{ version }] } : {}) };
    }
    case 'compose': {
      const composition = (await findComposition(world.table, team, request.composition))?.value;
      if (!composition)
        search.refuse('no-such-composition', 'composition', `There is no composition "${request.composition}".`);
      const { type, mode, peftRelease, rank, dtype } = composition ?? {};
      await search.freeAdapter('output.adapter', request.output.adapter, composition?.base);
      const parents = [];
      for (const [i, member] of (composition?.members ?? []).entries())
        parents.push({ version: await search.pinned(`members[${i}]`, member), weight: member.weight });
      const recipe = type && mode && peftRelease && dtype ? { type, mode, peftRelease, dtype, rank } : undefined;
      const base = composition && (await search.base('composition', composition.base));
      return { request: { ...request, recipe }, base, parents, compositionId: composition?.id, makes: 'version' };
    }
    case 'merge': {
      const version = await search.version('version', request.adapter, request.version, true);
      const base = version && (await search.base('adapter', version.base));
      refusePacked(search, base, 'merged into: use the model that was packed');
      await search.freeBase('output.base', request.output.base);
      return { request: pinVersion(request, version), base, parents: [{ version }], makes: 'base' };
    }
    case 'export': {
      if (request.adapter !== undefined && request.base !== undefined)
        search.refuse('job', 'base', 'is that of the adapter: leave it out, or the adapter');
      if (request.adapter === undefined) {
        const base = request.base === undefined ? undefined : await search.base('base', request.base);
        if (request.format === 'merged-gguf') refusePacked(search, base, asModel);
        return { request, base };
      }
      const version = await search.version('version', request.adapter, request.version, true);
      const base = version && (await search.base('adapter', version.base));
      if (request.format === 'merged-gguf') refusePacked(search, base, asModel);
      return { request: pinVersion(request, version), base, parents: [{ version }] };
    }
  }
}

async function findDatasets(search: Search, request: PinnedRequest): Promise<NonNullable<Found['datasets']>> {
  const found = [];
  for (const { role, task, where, name } of datasetsOf(request))
    found.push({ role, task, dataset: await search.dataset(where, name) });
  return found;
}

const asModel = 'written as a model in GGUF: use the model that was packed';

/** A base may be kept that this installation cannot run: it knows other architectures, or none of its kind. */
function refuseUnrunnable(search: Search, { name, findings }: ReadyBase, where = 'base'): void {
  const reason = findings.find(({ code }) => code === 'architecture-unsupported');
  if (reason) search.refuse('unusable', where, `The base "${name}" cannot be run here: ${reason.message}`);
}

/** Weights of few bits can be computed with, and not changed. */
function refusePacked(search: Search, base: ReadyBase | undefined, what: string): void {
  if (base?.dtypes.some(isPackingName))
    search.refuse('packed-weights', 'base', `The weights of "${base.name}" are packed and cannot be ${what}.`);
}

function refuseOtherBase(
  search: Search,
  version: VersionRecord | undefined,
  base: ReadyBase | undefined,
  where = 'adapter',
): void {
  if (!version || !base || version.base === base.name) return;
  const message = `The adapter "${version.adapter}" belongs to the base "${version.base}", not to "${base.name}".`;
  search.refuse('base-mismatch', where, message);
}

function pinVersion<R extends { version: string }>(request: R, version: VersionRecord | undefined): R {
  return version?.version ? { ...request, version: String(version.version) } : request;
}

/** What a spec of this request would be refused for; names stand for the places that it will have. */
function specFindings(request: PinnedRequest): readonly Finding[] {
  if (request.kind === 'compose') return [];
  try {
    specOfRequest(request, placesOf(request));
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return error.findings.map((finding) => ({ ...finding, code: 'job' }));
  }
}

const place = 'folder';
const dataPlaces = ({ mix, evalDataset }: Pick<TrainRequest, 'mix' | 'evalDataset'>): DataPlaces => ({
  dataset: place,
  ...(mix ? { mix: mix.map(() => place) } : {}),
  ...(evalDataset === undefined ? {} : { evalDataset: place }),
});

function placesOf(request: PinnedRequest): SpecPlaces {
  switch (request.kind) {
    case 'train':
      return {
        base: place,
        output: place,
        ...dataPlaces(request),
        ...(request.method.kind === 'continue' ? { adapter: place } : {}),
      };
    case 'sweep':
      return { base: place, output: place, ...dataPlaces(request.train) };
    case 'train-tasks':
      return { base: place, output: place, tasks: request.tasks.map((task) => dataPlaces(task)) };
    case 'export': {
      const hasBase = readsBase(request) && (request.adapter ?? request.base) !== undefined;
      return {
        output: place,
        ...(hasBase ? { base: place } : {}),
        ...(request.adapter === undefined ? {} : { adapter: place }),
      };
    }
    case 'evaluate':
      return {
        base: place,
        dataset: place,
        output: place,
        ...(request.adapter === undefined ? {} : { adapter: place }),
      };
    default:
      return { base: place, adapter: place, dataset: place, output: place };
  }
}

function inputsOf({ base, datasets = [], parents = [], compositionId }: Found): JobInputs {
  return {
    ...(base ? { base: { name: base.name, id: base.id, sha256: base.sha256 } } : {}),
    ...(datasets.length > 0
      ? {
          datasets: present(datasets.map(({ dataset }) => dataset)).map(({ name, id, sha256 }) => ({
            name,
            id,
            sha256,
          })),
        }
      : {}),
    ...(parents.length > 0
      ? {
          parents: parents.flatMap(({ version, weight }) =>
            version
              ? [
                  {
                    adapter: version.adapter,
                    versionId: version.id,
                    version: version.version ?? 0,
                    ...(weight === undefined ? {} : { weight }),
                  },
                ]
              : [],
          ),
        }
      : {}),
    ...(compositionId === undefined ? {} : { compositionId }),
  };
}

const present = <T>(values: readonly (T | undefined)[]): T[] =>
  values.filter((value): value is T => value !== undefined);
