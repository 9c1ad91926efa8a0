import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { trainLoraConfigSchema, type SettledTrainSpec, type TrainSpec } from '../../shared/contract/specs/train.ts';
import { adapterFit } from '../../shared/domain/adapter-fit.ts';
import { adaptableModules, type BaseTensor } from '../../shared/domain/base-modules.ts';
import { continuedLora } from '../../shared/domain/continued-lora.ts';
import { DomainError, type Finding } from '../../shared/errors.ts';
import { loraConfigSchema, type LoraConfig } from '../../shared/methods/lora.ts';
import { adapterConfigFileName, adapterWeightsFileName, readAdapterFolder } from '../folders/adapter.ts';
import { exists, readJsonFile } from '../folders/files.ts';
import { hashFile } from '../folders/hashes.ts';
import { adapterParameters, copiesOf } from '../methods/adapted-model.ts';
import { loraA } from '../methods/lora-variant.ts';
import type { Method } from '../methods/method.ts';
import { newestCheckpoint, readWholeCheckpoint } from '../training/checkpoint.ts';
import type { AdamW } from '../training/optimizers.ts';
import { recipeFileName } from './finished-run.ts';

/** What a run goes on from: an adapter, or a checkpoint of another run. */
export interface TrainingStart {
  /** Last name of its folder. */
  readonly name: string;
  /** Step of the checkpoint; undefined for an adapter. */
  readonly step: number | undefined;
  readonly config: LoraConfig;
  /** Values of parameters, and of constants where a checkpoint has them. */
  readonly values: ReadonlyMap<string, Float32Array>;
  /** Where the optimizer goes on; undefined: its moments begin anew. */
  readonly optimizer: { readonly updates: number; readonly moments: AdamW['moments'] } | undefined;
  /** SHA-256 of all that is taken from it. */
  readonly sha256: string;
  /** `hashWeights` of the base that it belongs to, where its files say so. */
  readonly base: string | undefined;
  /** What stands against it, or is odd, on a base with these tensors. */
  readonly fit: (tensors: readonly BaseTensor[]) => readonly Finding[];
}

type Continue = Extract<TrainSpec['method'], { readonly kind: 'continue' }>;

/** Opens what a method goes on from. Throws `DomainError` with what is wrong with it. */
export async function openStart(method: Continue): Promise<TrainingStart> {
  const checkpoint = await newestCheckpoint(method.from);
  if (checkpoint !== undefined) return openCheckpoint(checkpoint, method);
  if (method.keepMoments)
    throw new DomainError(
      'no-moments',
      `${method.from} is no checkpoint, and only a checkpoint has moments: leave keepMoments out.`,
    );
  return openAdapter(method.from);
}

async function openAdapter(folder: string): Promise<TrainingStart> {
  const adapter = await readAdapterFolder(folder);
  const files = [adapterConfigFileName, adapterWeightsFileName];
  const hashes = await Promise.all(files.map((name) => hashFile(join(folder, name))));
  return {
    name: basename(folder),
    step: undefined,
    config: adapter.config,
    values: adapterParameters(adapter),
    optimizer: undefined,
    sha256: hashOf(hashes.map(({ sha256 }) => sha256)),
    base: await knownBase(folder),
    fit: (tensors) => [
      ...adapter.warnings,
      ...adapterFit(adapter.config, adapter.modules.values(), tensors, copiesOf(adapter)).findings,
    ],
  };
}

async function openCheckpoint(folder: string, { keepMoments }: Continue): Promise<TrainingStart> {
  const { state, identity, values, moments, sha256 } = await readWholeCheckpoint(folder);
  const method = checkpointMethod.safeParse(identity.spec['method']);
  if (!method.success)
    throw new DomainError(
      'no-lora',
      `${folder} is of a run that trains a whole model: goes on from it only that run itself.`,
    );
  const { step, skippedSteps, updatesBefore = 0 } = state;
  return {
    name: `${runName(folder)} after step ${step}`,
    step,
    config: loraConfigSchema.parse(method.data.config),
    values,
    optimizer: keepMoments ? { updates: updatesBefore + step - skippedSteps, moments } : undefined,
    sha256: hashOf([sha256, String(keepMoments)]),
    base: identity.content['base'],
    fit: () => [],
  };
}

const checkpointMethod = z.object({ kind: z.literal('lora'), config: trainLoraConfigSchema });

/** Of `<output>.run/checkpoints/step-00000012` and `<output>.checkpoints/step-00000012`: the name of the output; of a checkpoint that stands elsewhere its own. */
function runName(folder: string): string {
  const [kept, run] = [basename(dirname(folder)), basename(dirname(dirname(folder)))];
  if (kept.endsWith('.checkpoints')) return kept.slice(0, -'.checkpoints'.length);
  return run.endsWith('.run') ? run.slice(0, -'.run'.length) : basename(folder);
}

/** The base of an adapter that was trained here. */
async function knownBase(folder: string): Promise<string | undefined> {
  const path = join(folder, recipeFileName);
  if (!(await exists(path))) return undefined;
  const parsed = baseOfRecipe.safeParse(await readJsonFile(path).catch(() => undefined));
  return parsed.success ? parsed.data.content.base : undefined;
}

const baseOfRecipe = z.object({ content: z.object({ base: z.string() }) });

const hashOf = (texts: readonly string[]): string => createHash('sha256').update(texts.join()).digest('hex');

/** The spec of a run that goes on, with the method that follows from what it goes on from, and everything that stands against that. */
export function settleSpec(
  spec: TrainSpec,
  start: TrainingStart | undefined,
  tensors: readonly BaseTensor[] | undefined,
): { readonly spec: SettledTrainSpec; readonly findings: readonly Finding[] } {
  const { method } = spec;
  if (method.kind !== 'continue') return { spec: { ...spec, method }, findings: [] };
  if (!start || !tensors)
    return { spec: { ...spec, method: { kind: 'lora', config: trainLoraConfigSchema.parse({}) } }, findings: [] };
  const { config, findings } = continuedLora(start.config, method.config, adaptableModules(tensors), spec.evaluation);
  return { spec: { ...spec, method: { kind: 'lora', config } }, findings: [...findings, ...start.fit(tensors)] };
}

/** What stands against going on from something on a base of this hash, by a method that was planned for it. */
export function startFindings({ name, base, values }: TrainingStart, baseHash: string, method: Method): Finding[] {
  const findings: Finding[] = [];
  const refuse = (code: string, where: string, message: string): void =>
    void findings.push({ severity: 'error', code, where, message });
  if (base !== undefined && base !== baseHash)
    refuse(
      'other-base',
      'base',
      `is not the one that ${name} was trained on: its weights or its config differ. Give that one, or compare the two with lorary eval`,
    );
  for (const { name: own, shape } of [...method.parameters, ...(method.constants ?? [])])
    if (values.get(own)?.length !== shape.reduce((product, dim) => product * dim, 1))
      refuse('start-misfit', 'method.from', `${name} has no ${own} of the size [${shape.join(', ')}]`);
  return findings;
}

/** Modules that what a run goes on from has. */
export const startsModule =
  ({ values }: TrainingStart) =>
  ({ module }: { readonly module: string }): boolean =>
    values.has(loraA(module));

/** First values of everything a method is fed. The run changes them in place, so they are its own. */
export function startValues({ values }: TrainingStart, method: Method): ReadonlyMap<string, Float32Array> {
  return new Map(
    [...method.parameters, ...(method.constants ?? [])].map(({ name }) => [
      name,
      (values.get(name) ?? new Float32Array()).slice(), // looked at by startFindings
    ]),
  );
}
