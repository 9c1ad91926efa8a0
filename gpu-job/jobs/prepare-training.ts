import type { TrainReport } from '../../shared/contract/reports.ts';
import type { SettledTrainSpec, TrainSpec } from '../../shared/contract/specs/train.ts';
import type { MixedPart } from '../../shared/domain/mixture.ts';
import { DomainError, type Finding } from '../../shared/errors.ts';
import type { LoraConfig } from '../../shared/methods/lora.ts';
import { openBaseModel, type BaseModelFolder } from '../folders/base-model.ts';
import { exists } from '../folders/files.ts';
import type { LoraTarget } from '../methods/lora-variant.ts';
import type { Parameter } from '../methods/method.ts';
import { requireMethod, type TunedModel } from '../methods/tuned-model.ts';
import type { BatchShape } from '../training/batches.ts';
import { readCheckpointState } from '../training/checkpoint.ts';
import type { RunPlan } from '../training/epochs.ts';
import type { RunFolders } from '../training/run-folders.ts';
import { isSameRun, refuseOtherRun, runIdentity, type RunIdentity } from '../training/run-identity.ts';
import type { Schedule } from '../training/schedules.ts';
import type { TokenRows } from '../training/token-rows.ts';
import { keepStores } from '../training/token-store.ts';
import type { BaseText, EncodedPrompt } from './base-text.ts';
import { checkTraining } from './check-training.ts';
import { readFinishedRun } from './finished-run.ts';
import { hashText, writeInitialModel } from './initial-model.ts';
import type { JobContext } from './job-context.ts';
import type { TrainingStart } from './open-start.ts';
import { plannedModel, type MethodPlan } from './planned-model.ts';

/** A run that was checked from end to end: only numbers, disks and memory can still go wrong. */
export interface PreparedTraining {
  /** What was asked for, with the method that follows from what the run goes on from. */
  readonly spec: SettledTrainSpec;
  /** What it goes on from; undefined: from nothing but the base. */
  readonly start: TrainingStart | undefined;
  readonly model: TunedModel;
  /** What the model's method was made of, for whoever makes it again. */
  readonly methodPlan: MethodPlan;
  /** What is trained. */
  readonly parameters: readonly Parameter[];
  /** Undefined for full fine-tuning. */
  readonly config: LoraConfig | undefined;
  /** What LoRA acts on; empty for full fine-tuning. */
  readonly targets: readonly LoraTarget[];
  /** Tensors that are trained whole beside them. */
  readonly saved: readonly Parameter[];
  readonly text: BaseText;
  readonly rows: TokenRows;
  /** Of a mixture, how many of `rows` are of each dataset, one behind the other. */
  readonly parts: readonly MixedPart[] | undefined;
  /** Of `rows`, all together. */
  readonly labels: number;
  readonly evalRows: TokenRows;
  /** Rows of what should not be forgotten; empty where that is not measured. */
  readonly general: TokenRows;
  readonly prompts: readonly EncodedPrompt[];
  readonly plan: RunPlan;
  readonly schedule: Schedule;
  readonly batchShape: BatchShape;
  readonly identity: RunIdentity;
  readonly folders: RunFolders;
  /** The report of this very run where its result stands already. */
  readonly finished: TrainReport | undefined;
  readonly warnings: readonly Finding[];
  close(): Promise<void>;
}

/**
 * Checks everything a run needs, in its folder, which the caller holds. Throws `DomainError('train')` with all findings at once, and
 * `UnavailableError` when the job was asked to stop meanwhile. The caller closes the result.
 */
export async function prepareTraining(
  asked: TrainSpec,
  folders: RunFolders,
  context: JobContext,
): Promise<PreparedTraining> {
  const finished = await readFinishedRun(asked.output);
  const mayBeFinished = (spec: SettledTrainSpec): typeof finished =>
    finished && isSameRun(finished.identity, runIdentity(spec, finished.identity.content)) ? finished : undefined;
  const standing = async (spec: SettledTrainSpec): Promise<readonly Finding[]> => {
    if (mayBeFinished(spec)) return [];
    const places = [spec.output, ...(spec.keep ? [folders.kept] : [])];
    const occupiedPlaces = [];
    for (const place of places) if (await exists(place)) occupiedPlaces.push(place);
    return occupiedPlaces.map((place) => ({
      severity: 'error',
      code: 'train',
      where: 'output',
      message: occupied({ output: place }),
    }));
  };
  const checked = await checkTraining(asked, { tokens: folders.tokens, standing }, context);
  const { spec, start, described, lora, data, general } = checked;
  try {
    const identity = runIdentity(spec, {
      base: checked.baseHash,
      ...(start ? { 'method.from': start.sha256 } : {}),
      'data.train': data.train.sha256,
      ...(data.parts ? { 'data.mix': hashText(JSON.stringify(data.parts)) } : {}),
      'data.eval': data.held.sha256,
      ...(spec.evaluation.general ? { 'evaluation.general': checked.generalHash } : {}),
    });
    const standingRun = mayBeFinished(spec);
    if (standingRun && !isSameRun(standingRun.identity, identity))
      throw new DomainError('folder-exists', occupied(spec));
    const then = (await readCheckpointState(folders.checkpoints))?.identity;
    if (then) refuseOtherRun(then, identity, folders.run);
    await keepStores(folders.tokens, data.stores);
    const base = described.base ?? (await openInitial(folders.initial, described.config, spec.seed));
    const methodPlan = lora && { config: lora.config, targets: lora.targets, saved: lora.saved };
    const model = plannedModel(base, methodPlan);
    return {
      spec,
      start,
      model,
      methodPlan,
      parameters: requireMethod(model).parameters,
      config: lora?.config,
      targets: lora?.targets ?? [],
      saved: lora?.saved ?? [],
      text: checked.text,
      rows: data.train.rows,
      parts: data.parts,
      labels: data.train.labels,
      evalRows: data.held.rows,
      general,
      prompts: checked.prompts,
      plan: checked.plan,
      schedule: checked.schedule,
      batchShape: { ...spec.batch, lengthMax: checked.lengthMax },
      identity,
      folders,
      finished: await standingRun?.report(),
      warnings: checked.warnings,
      close: () => checked.close(),
    };
  } catch (error) {
    await checked.close();
    throw error;
  }
}

const occupied = ({ output }: Pick<TrainSpec, 'output'>): string =>
  `${output} exists already: choose another folder or remove it`;

/** Fresh weights, from the seed; those of an interrupted run are there already. */
async function openInitial(
  folder: string,
  config: Readonly<Record<string, unknown>>,
  seed: number,
): Promise<BaseModelFolder> {
  if (!(await exists(folder))) await writeInitialModel(folder, config, seed);
  return openBaseModel(folder);
}
