import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { computeTypes } from '../../shared/methods/compute.ts';
import type { StepPlan } from '../../shared/domain/plan-step.ts';
import { DomainError, invariant } from '../../shared/errors.ts';
import { openFileSource } from '../../shared/files/file-source.ts';
import { decodeToFloat32, encodeFromFloat32 } from '../../shared/formats/dtype.ts';
import { readSafetensorsHeader, readTensor } from '../../shared/formats/safetensors-read.ts';
import { writeSafetensors } from '../../shared/formats/safetensors-write.ts';
import { exists, readJsonFile, writeFileAtomic, writeFolderAtomic } from '../folders/files.ts';
import { removeLeftovers } from '../folders/temporary-names.ts';
import { hashFile, hashingSink } from '../folders/hashes.ts';
import type { Method, Parameter } from '../methods/method.ts';
import type { LossScale } from './loss-scale.ts';
import type { AdamW } from './optimizers.ts';
import type { BestSeen } from './run-guard.ts';
import { runIdentitySchema, type RunIdentity } from './run-identity.ts';

/** Where a run stands. What comes next follows from the step alone: shuffles and dropout are functions of the seed and it. */
export interface RunState {
  /** Steps done. */
  readonly step: number;
  /** The last step after which the model was evaluated; -1: none yet. */
  readonly evaluatedStep: number;
  /** Tokens that went through the model, padding not counted. */
  readonly tokens: number;
  /** Time spent on steps, over all sittings. */
  readonly seconds: number;
  /** Of the spec's own allowance, over all sittings. */
  readonly spentSeconds: number;
  /** The best evaluation, and whether weights of it are kept apart follows from the spec; null: none yet. */
  readonly best: BestSeen | null;
  /** Steps whose gradients were left out, of all and of the last in a row, and the lengths of the last ones that were not. */
  readonly skippedSteps: number;
  readonly skippedInARow: number;
  readonly recentNorms: readonly number[];
  /** Steps whose checkpoints stay when the run is done, but for the best. */
  readonly kept: readonly number[];
  /** Updates whose moments the run began with; absent: none. */
  readonly updatesBefore?: number | undefined;
  /** Length of `metrics.jsonl` when this was written: what stands beyond belongs to steps that will be done again. */
  readonly metricsBytes: number;
  /** How its steps are computed; absent in what older versions wrote. */
  readonly plan?: StepPlan | undefined;
  /** Where products are float16: what the loss of the next step is multiplied by. */
  readonly lossScale?: LossScale | undefined;
}

export interface Checkpoint {
  readonly state: RunState;
  /** Values of the parameters and of the constants. */
  readonly parameters: ReadonlyMap<string, Float32Array>;
  readonly moments: AdamW['moments'];
  /** Parameters at the best evaluation, where they may be what is written in the end. */
  readonly best?: ReadonlyMap<string, Float32Array> | undefined;
}

/** What a checkpoint holds values of. */
type MethodInputs = Pick<Method, 'parameters' | 'constants'>;

/** A run before its first step. */
export const firstState: RunState = {
  step: 0,
  evaluatedStep: -1,
  tokens: 0,
  seconds: 0,
  spentSeconds: 0,
  best: null,
  skippedSteps: 0,
  skippedInARow: 0,
  recentNorms: [],
  kept: [],
  metricsBytes: 0,
};

/**
 * Writes `<folder>/step-00000012`, which appears whole or not at all, then deletes all but the last `keep` and those of the steps that are `pinned`. Returns its path.
 */
export async function writeCheckpoint(
  folder: string,
  checkpoint: Checkpoint,
  method: MethodInputs,
  identity: RunIdentity,
  keep: number,
  pinned: readonly number[] = [],
): Promise<string> {
  await mkdir(folder, { recursive: true });
  await removeLeftovers(folder); // of a run that was killed while it wrote one: the next may have another step
  const name = checkpointName(checkpoint.state.step);
  const path = join(folder, name);
  const write = async (temporary: string): Promise<void> => {
    const { parameters, constants = [] } = method;
    const valuesOf = (from: ReadonlyMap<string, Float32Array>) =>
      [...parameters, ...constants].map(({ name, shape }) => ({ name, shape, values: from.get(name) }));
    const moments = parameters.flatMap(({ name, shape }) => {
      const moment = checkpoint.moments.get(name);
      return [
        { name: `${name}.first`, shape, values: moment?.first },
        { name: `${name}.second`, shape, values: moment?.second },
      ];
    });
    const sha256 = {
      [parametersFile]: await writeTensors(join(temporary, parametersFile), valuesOf(checkpoint.parameters)),
      [momentsFile]: await writeTensors(join(temporary, momentsFile), moments),
      ...(checkpoint.best
        ? { [bestFile]: await writeTensors(join(temporary, bestFile), valuesOf(checkpoint.best)) }
        : {}),
    };
    const content = { version: 1, state: checkpoint.state, identity, sha256 };
    await writeFileAtomic(join(temporary, stateFile), `${JSON.stringify(content, undefined, 2)}\n`);
  };
  await writeFolderAtomic(path, write, { replace: true });
  const finished = (await checkpointNames(folder)).filter((other) => other !== name);
  const stay = new Set(pinned.map(checkpointName));
  for (const old of finished.slice(keep - 1).filter((other) => !stay.has(other)))
    await rm(join(folder, old), { recursive: true, force: true });
  return path;
}

/**
 * The newest checkpoint that is whole, or undefined where there is none. One that a disk spoilt is passed over for the one
 * before it. Throws `DomainError('checkpoint-spoilt')` when all there are are spoilt.
 */
export async function readLatestCheckpoint(
  folder: string,
  method: MethodInputs,
): Promise<(Checkpoint & { readonly identity: RunIdentity; readonly path: string }) | undefined> {
  const names = await checkpointNames(folder);
  const reasons: string[] = [];
  for (const name of names) {
    const path = join(folder, name);
    try {
      return { ...(await readCheckpoint(path, method)), path };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      reasons.push(`  ${path}: ${error.message}`);
    }
  }
  if (reasons.length === 0) return undefined;
  throw new DomainError(
    'checkpoint-spoilt',
    ['No checkpoint can be read; remove the folder to start anew:', ...reasons].join('\n'),
  );
}

/** The checkpoint after this step where it stands and is whole. */
export async function readCheckpointAt(
  folder: string,
  step: number,
  method: MethodInputs,
): Promise<Checkpoint | undefined> {
  if (!(await checkpointSteps(folder)).includes(step)) return undefined;
  try {
    return await readCheckpoint(join(folder, checkpointName(step)), method);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return undefined;
  }
}

/** The steps after which there are checkpoints, newest first. */
export async function checkpointSteps(folder: string): Promise<number[]> {
  return (await checkpointNames(folder)).map((name) => Number(name.slice(5)));
}

/** The newest checkpoint without its tensors: they may not even fit this run. */
export async function readCheckpointState(
  folder: string,
): Promise<{ readonly state: RunState; readonly identity: RunIdentity } | undefined> {
  for (const name of await checkpointNames(folder)) {
    const state = stateSchema.safeParse(await readJsonFile(join(folder, name, stateFile)).catch(() => undefined));
    if (state.success) return state.data;
  }
  return undefined;
}

/** A checkpoint of a run that is not this one: whatever it holds. Throws `DomainError('checkpoint-spoilt')`. */
export async function readWholeCheckpoint(path: string): Promise<
  Pick<Checkpoint, 'state' | 'moments'> & {
    readonly identity: RunIdentity;
    readonly values: ReadonlyMap<string, Float32Array>;
    /** Of its parameters. */
    readonly sha256: string;
  }
> {
  const { state, identity, sha256 } = await readState(path);
  const { values, states } = await readTensorFiles(path, sha256);
  const moments = new Map(
    [...values.keys()].flatMap((name) => {
      const [first, second] = [states.get(`${name}.first`), states.get(`${name}.second`)];
      return first && second ? [[name, { first, second }] as const] : [];
    }),
  );
  return { state, identity, values, moments, sha256: sha256[parametersFile] ?? '' };
}

/** The checkpoint that a folder is, or the newest in the folder of a run or of its checkpoints; undefined where there is none. */
export async function newestCheckpoint(folder: string): Promise<string | undefined> {
  if (await exists(join(folder, stateFile))) return folder;
  for (const place of [folder, join(folder, 'checkpoints')]) {
    const [newest] = await checkpointNames(place);
    if (newest !== undefined) return join(place, newest);
  }
  return undefined;
}

const stateFile = 'state.json';
const parametersFile = 'parameters.safetensors';
const momentsFile = 'moments.safetensors';
const bestFile = 'best.safetensors';

const stateSchema = z.strictObject({
  version: z.literal(1),
  state: z.strictObject({
    step: z.int().min(0),
    evaluatedStep: z.int().min(-1),
    tokens: z.number().min(0),
    seconds: z.number().min(0),
    spentSeconds: z.number().min(0).default(0),
    best: z
      .object({ step: z.int().min(0), loss: z.number(), since: z.int().min(0) })
      .nullable()
      .default(null),
    skippedSteps: z.int().min(0).default(0),
    skippedInARow: z.int().min(0).default(0),
    recentNorms: z.array(z.number()).default([]),
    kept: z.array(z.int().min(0)).default([]),
    updatesBefore: z.int().min(1).optional(),
    metricsBytes: z.int().min(0),
    plan: z
      .strictObject({
        memory: z.strictObject({
          recompute: z.boolean(),
          prepack: z.boolean(),
          lossChunks: z.int().min(1),
          attentionBlock: z.int().min(1).exactOptional(),
        }),
        microBatchTokens: z.int().min(1),
        compute: z.enum(computeTypes).exactOptional(),
      })
      .optional(),
    lossScale: z.strictObject({ factor: z.number().min(1), goodSteps: z.int().min(0) }).optional(),
  }),
  identity: runIdentitySchema,
  sha256: z.record(z.string(), z.string()),
});

/** Name of the folder of a checkpoint. */
export const checkpointName = (step: number): string => `step-${String(step).padStart(8, '0')}`;

/** Newest first. A folder of this name is complete: it got it by renaming. */
async function checkpointNames(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  return names.filter((name) => /^step-\d{8,}$/.test(name)).sort((a, b) => Number(b.slice(5)) - Number(a.slice(5)));
}

async function readCheckpoint(
  path: string,
  { parameters, constants = [] }: MethodInputs,
): Promise<Checkpoint & { readonly identity: RunIdentity }> {
  const { state, identity, sha256 } = await readState(path);
  const { values, states } = await readTensorFiles(path, sha256);
  const take = (from: Map<string, Float32Array>, name: string, { shape }: Parameter): Float32Array => {
    const found = from.get(name);
    if (found?.length === shape.reduce((product, dim) => product * dim, 1)) return found;
    throw new DomainError('checkpoint-spoilt', `${name} is missing or has another size.`);
  };
  const parametersFrom = (from: Map<string, Float32Array>): Map<string, Float32Array> =>
    new Map([...parameters, ...constants].map((parameter) => [parameter.name, take(from, parameter.name, parameter)]));
  return {
    state,
    identity,
    parameters: parametersFrom(values),
    ...(sha256[bestFile] === undefined
      ? {}
      : { best: parametersFrom(await readTensors(join(path, bestFile), sha256[bestFile])) }),
    moments: new Map(
      parameters.map((parameter) => {
        const { name } = parameter;
        const moment = (kind: string): Float32Array => take(states, `${name}.${kind}`, parameter);
        return [name, { first: moment('first'), second: moment('second') }];
      }),
    ),
  };
}

async function readState(path: string): Promise<z.output<typeof stateSchema>> {
  const parsed = stateSchema.safeParse(await readJsonFile(join(path, stateFile)));
  if (parsed.success) return parsed.data;
  throw new DomainError('checkpoint-spoilt', `${stateFile} is not what a checkpoint holds.`);
}

async function readTensorFiles(
  path: string,
  sha256: Readonly<Record<string, string>>,
): Promise<{ readonly values: Map<string, Float32Array>; readonly states: Map<string, Float32Array> }> {
  const read = (name: string): Promise<Map<string, Float32Array>> => readTensors(join(path, name), sha256[name]);
  return { values: await read(parametersFile), states: await read(momentsFile) };
}

/** Returns the SHA-256 of the file, so that a spoilt one is noticed. */
async function writeTensors(
  path: string,
  tensors: readonly { name: string; shape: readonly number[]; values: Float32Array | undefined }[],
): Promise<string> {
  const entries = tensors.map(({ name, shape, values }) => ({
    name,
    dtype: 'F32' as const,
    shape,
    bytes: () => {
      invariant(values, `the checkpoint holds ${name}`);
      return Promise.resolve(encodeFromFloat32('F32', values));
    },
  }));
  let sha256 = '';
  await writeFileAtomic(path, async (sink) => {
    const hashing = hashingSink(sink);
    await writeSafetensors(hashing, entries);
    ({ sha256 } = hashing.digest());
  });
  return sha256;
}

async function readTensors(path: string, sha256: string | undefined): Promise<Map<string, Float32Array>> {
  if ((await hashFile(path)).sha256 !== sha256)
    throw new DomainError('checkpoint-spoilt', `${path} does not have the bytes that were written.`);
  const source = await openFileSource(path);
  try {
    const tensors = new Map<string, Float32Array>();
    for (const entry of (await readSafetensorsHeader(source)).tensors.values())
      tensors.set(entry.name, decodeToFloat32(entry.dtype, await readTensor(source, entry)));
    return tensors;
  } finally {
    await source.close();
  }
}
