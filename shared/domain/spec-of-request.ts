import { z } from 'zod';
import { jobRequestSchema, type JobRequest } from '../contract/job-requests.ts';
import { composeSpecSchema } from '../contract/specs/compose.ts';
import { parseSpec, type Spec } from '../contract/specs/parse-spec.ts';
import { invariant } from '../errors.ts';
import { taskRequests, type TrainRequest } from './task-requests.ts';

const { type, mode, peftRelease, rank, dtype } = composeSpecSchema.shape;
const recipeSchema = z.object({ type, mode, peftRelease, rank, dtype });
/** How the members of a composition are put together. */
export type Recipe = z.output<typeof recipeSchema>;

/** A request whose versions are pinned to numbers; that of a composition says the recipe itself. */
export type PinnedRequest = JobRequest & { readonly recipe?: Recipe | undefined };

/** Reads what `pinnedRequest` was stored as. */
export function readPinnedRequest(stored: Readonly<Record<string, unknown>>): PinnedRequest {
  const { recipe, ...request } = stored;
  return { ...jobRequestSchema.parse(request), recipe: recipeSchema.optional().parse(recipe) };
}

/** Files with the rows of a training. */
export interface DataPlaces {
  readonly dataset?: string;
  /** What is mixed into it, in the order of the request. */
  readonly mix?: readonly string[];
  readonly evalDataset?: string;
}

/** Folders and files of the machine that runs a job. */
export interface SpecPlaces extends DataPlaces {
  readonly base?: string;
  readonly adapter?: string;
  /** Of each of several tasks, in the order of the request. */
  readonly tasks?: readonly DataPlaces[];
  /** Rows of what should not be forgotten. */
  readonly generalDataset?: string;
  readonly members?: readonly { readonly adapter: string; readonly weight: number }[];
  readonly output: string;
  /** Threads of one operator; absent: all cores. */
  readonly threads?: number;
  /** What computes; absent: the processor. */
  readonly device?: string;
}

/** Whether a job reads its base: composing does not, and neither does copying an adapter. */
export function readsBase(request: PinnedRequest): boolean {
  return request.kind !== 'compose' && (request.kind !== 'export' || request.format !== 'peft');
}

/** The spec of a job on plain folders. Throws `DomainError('spec')` with all findings. */
export function specOfRequest(request: PinnedRequest, places: SpecPlaces): Spec {
  return parseSpec(JSON.parse(JSON.stringify(specValue(request, places))));
}

/** The datasets that a request names, in the order in which they are pinned, and what a spec knows each as. */
export function datasetsOf(request: PinnedRequest): {
  readonly role: 'dataset' | 'mix' | 'evalDataset' | 'generalDataset';
  readonly where: string;
  readonly name: string;
  /** Of several tasks, the one that it is for. */
  readonly task?: number;
}[] {
  if (request.kind === 'train-tasks')
    return taskRequests(request).flatMap((one, task) =>
      datasetsOf(one).map(({ where, ...rest }) => ({ ...rest, where: `tasks[${task}].${where}`, task })),
    );
  if (request.kind === 'sweep') {
    const { train, output } = request;
    return datasetsOf({ ...train, kind: 'train', output }).map((one) => ({ ...one, where: `train.${one.where}` }));
  }
  if (request.kind !== 'train' && request.kind !== 'evaluate') return [];
  const evalDataset = request.kind === 'train' ? request.evalDataset : undefined;
  const [where, general] =
    request.kind === 'train'
      ? ['evaluation.general.dataset', request.evaluation.general?.dataset]
      : ['general.dataset', request.general?.dataset];
  return [
    { role: 'dataset', where: 'dataset', name: request.dataset },
    ...(request.kind === 'train' ? (request.mix ?? []) : []).map(({ dataset: name }, i) => ({
      role: 'mix' as const,
      where: `mix[${i}].dataset`,
      name,
    })),
    ...(evalDataset === undefined ? [] : [{ role: 'evalDataset', where: 'evalDataset', name: evalDataset } as const]),
    ...(general === undefined ? [] : [{ role: 'generalDataset', where, name: general } as const]),
  ];
}

const general = (asked: { readonly rowsMax: number } | undefined, { generalDataset }: SpecPlaces): object | undefined =>
  asked && { rowsMax: asked.rowsMax, data: generalDataset };

function specValue(request: PinnedRequest, places: SpecPlaces): object {
  const { base, adapter, output, threads, device } = places;
  switch (request.kind) {
    case 'train': {
      const { data, rest } = dataOf(withoutOwn(request), places);
      const evaluation = { ...request.evaluation, general: general(request.evaluation.general, places) };
      const method = rest.method.kind === 'continue' ? continued(rest.method, adapter) : rest.method;
      return { ...rest, method, evaluation, base, output, data, threads, device };
    }
    case 'train-tasks': {
      const { kind, train, tasks } = request;
      const named = tasks.map((task, i) => {
        const { data, rest } = dataOf(task, places.tasks?.[i] ?? {});
        const { output: made, ...own } = rest;
        return { ...own, name: made.adapter, data };
      });
      return { kind, train: { ...train, base, threads, device }, tasks: named, output };
    }
    case 'sweep': {
      const { kind, train, over, runs } = request;
      const { data, rest } = dataOf(train, places);
      const evaluation = { ...train.evaluation, general: general(train.evaluation.general, places) };
      return { kind, train: { ...rest, evaluation, base, data, threads }, over, runs, output };
    }
    case 'evaluate': {
      const { dataset: _d, version: _v, ...rest } = withoutOwn(request);
      return {
        ...rest,
        general: general(request.general, places),
        base,
        adapter,
        data: places.dataset,
        threads,
        device,
      };
    }
    case 'generate': {
      const { version: _v, ...rest } = withoutOwn(request);
      return { ...rest, base, adapter, threads, device };
    }
    case 'compose':
      invariant(request.recipe, 'the request of a composition holds its recipe');
      // the platform knows that the members belong to one base; by which name their files know it is another matter, and a warning
      return { kind: 'compose', ...request.recipe, members: places.members, allowDifferentBases: true, output };
    case 'merge': {
      const { kind, dtype, maxShardBytes } = request;
      return { kind, dtype, maxShardBytes, base, adapter, output, threads };
    }
    case 'export': {
      const { adapter: _a, version: _v, ...rest } = withoutOwn(request);
      return { ...rest, base, adapter, output, threads };
    }
  }
}

type OwnData = Pick<TrainRequest, 'dataset' | 'mix' | 'evalDataset' | 'evalFraction' | 'contextTokens' | 'longRows'>;

/** The rows of a training as a spec names them, and the rest of its request. */
function dataOf<R extends OwnData>(request: R, places: DataPlaces): { data: object; rest: Omit<R, keyof OwnData> } {
  const { dataset: _d, evalDataset: _e, mix, evalFraction, contextTokens, longRows, ...rest } = request;
  const mixed = mix?.map(({ weight }, i) => ({ rows: places.mix?.[i], weight }));
  const data = { train: places.dataset, mix: mixed, eval: places.evalDataset, evalFraction, contextTokens, longRows };
  return { data, rest };
}

/** Without what only the platform knows. */
function withoutOwn<R extends PinnedRequest>(request: R): Omit<R, 'recipe' | 'budget'> {
  const { recipe: _recipe, budget: _budget, ...rest } = request;
  return rest;
}

const continued = (
  { adapter: _a, version: _v, ...method }: Extract<TrainMethod, { readonly kind: 'continue' }>,
  from: string | undefined,
): object => ({ ...method, from });

type TrainMethod = TrainRequest['method'];
