import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ownerMark } from '../../shared/contract/fields.ts';
import { datasetsOf, readsBase, type PinnedRequest, type SpecPlaces } from '../../shared/domain/spec-of-request.ts';
import { DomainError, invariant } from '../../shared/errors.ts';
import type { World } from '../../shared/platform/ports.ts';
import { readyBase, type ReadyBase } from '../../shared/records/bases.ts';
import { readyDataset } from '../../shared/records/datasets.ts';
import type { JobRecord } from '../../shared/records/jobs.ts';
import { findPinnedBase, findPinnedDataset } from '../../shared/records/pinned-inputs.ts';
import { isListed } from '../../shared/records/shares.ts';
import type { StoredFile } from '../../shared/records/stored-file.ts';
import { findVersion } from '../../shared/records/versions.ts';
import { placeFiles } from './place-files.ts';

/**
 * Puts everything a job reads into its folder, under names that mean something in cards and reports. What was pinned must still be there,
 * and shared where it is another team's: throws `DomainError('input-gone')`.
 */
export async function prepareInputs(
  world: World,
  job: JobRecord,
  request: PinnedRequest,
  folder: string,
): Promise<SpecPlaces> {
  const { team, inputs } = job;
  const base = inputs.base && (await pinnedBase(world, team, inputs.base));
  const basePlace = base && join(folder, 'bases', base.name);
  if (base && basePlace !== undefined && readsBase(request)) await placeFiles(world, base.files, basePlace);
  const datasets: PlacedData = { mix: [] };
  const ofTasks = request.kind === 'train-tasks' ? request.tasks.map((): PlacedData => ({ mix: [] })) : undefined;
  const roles = datasetsOf(request);
  for (const [i, pinned] of (inputs.datasets ?? []).entries()) {
    const named = roles[i];
    invariant(named, 'a dataset was pinned for each that the request names');
    const place = await placeDataset(world, team, pinned, folder);
    const { role, task } = named;
    const placed = (task === undefined ? undefined : ofTasks?.[task]) ?? datasets;
    if (role === 'mix') placed.mix.push(place);
    else placed[role] = place;
  }
  const adapters: { adapter: string; weight: number }[] = [];
  for (const parent of inputs.parents ?? []) {
    const { adapter, version, weight = 1 } = parent;
    const place = join(folder, 'adapters', `${folderName(adapter)}-v${version}`);
    // a composition may have the same member twice
    if (!adapters.some((other) => other.adapter === place)) {
      await placeFiles(world, await filesOf(world, job, parent), place);
    }
    adapters.push({ adapter: place, weight });
  }
  await mkdir(join(folder, 'outputs'), { recursive: true });
  const [adapter] = adapters;
  return {
    ...(basePlace !== undefined && readsBase(request) ? { base: basePlace } : {}),
    ...(request.kind === 'compose' ? { members: adapters } : adapter ? { adapter: adapter.adapter } : {}),
    ...withoutEmptyMix(datasets),
    ...(ofTasks ? { tasks: ofTasks.map(withoutEmptyMix) } : {}),
    output: join(folder, 'outputs', outputName(request)),
  };
}

type PlacedData = Partial<Record<Exclude<ReturnType<typeof datasetsOf>[number]['role'], 'mix'>, string>> & {
  mix: string[];
};

function withoutEmptyMix({ mix, ...rest }: PlacedData): Partial<PlacedData> {
  return { ...rest, ...(mix.length > 0 ? { mix } : {}) };
}

/** No name has two of them in a row, and every system takes them in the name of a folder. */
const folderName = (ref: string): string => ref.replace(ownerMark, '--');

async function filesOf(
  { table }: Pick<World, 'table'>,
  { team, shared = [] }: JobRecord,
  { adapter, version, versionId }: NonNullable<JobRecord['inputs']['parents']>[number],
): Promise<readonly StoredFile[]> {
  const input = shared.find((one) => one.versionId === versionId);
  if (input) {
    if (!(await isListed(table, team, input))) throw notShared(adapter);
    return input.files;
  }
  const found = await findVersion(table, team, versionId);
  if (!found) throw inputGone('adapter', `${adapter}@${version}`);
  return found.value.files;
}

/** The base that was meant when the job was made, deleted since or not. */
export async function pinnedBase(
  { table }: Pick<World, 'table'>,
  team: string,
  { name, id }: { readonly name: string; readonly id: string },
): Promise<ReadyBase> {
  const found = await findPinnedBase(table, team, { name, id });
  if (!found) throw inputGone('base', name);
  return readyBase(found);
}

async function placeDataset(
  world: World,
  team: string,
  { name, id }: { readonly name: string; readonly id: string },
  folder: string,
): Promise<string> {
  const found = await findPinnedDataset(world.table, team, { name, id });
  if (!found) throw inputGone('dataset', name);
  const path = `${name}.jsonl`;
  await placeFiles(world, [{ path, blob: readyDataset(found).file.blob }], join(folder, 'datasets', id));
  return join(folder, 'datasets', id, path);
}

function outputName(request: PinnedRequest): string {
  if (request.kind === 'evaluate' || request.kind === 'generate') return 'report';
  if (request.kind === 'export') return request.format;
  if (request.kind === 'train-tasks') return 'adapters';
  return 'adapter' in request.output ? request.output.adapter : request.output.base;
}

const notShared = (adapter: string): DomainError =>
  new DomainError(
    'input-gone',
    `The adapter "${adapter}" that this job was made for is not shared with the team any more.`,
  );

const inputGone = (what: string, name: string): DomainError =>
  new DomainError(
    'input-gone',
    `The ${what} "${name}" that this job was made for has been deleted, and its bytes are gone.`,
  );
