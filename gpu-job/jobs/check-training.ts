import { join } from 'node:path';
import type { SettledTrainSpec, TrainSpec } from '../../shared/contract/specs/train.ts';
import type { MixedPart } from '../../shared/domain/mixture.ts';
import { DomainError, refuseErrors, type Finding } from '../../shared/errors.ts';
import { openBaseModel, type BaseModelFolder } from '../folders/base-model.ts';
import { collectFindings } from '../folders/collect-findings.ts';
import { readJsonFile } from '../folders/files.ts';
import { readGeneralRows } from '../forgetting/general-rows.ts';
import { isPacked } from '../methods/packed-product.ts';
import { describeModel, tunedModel } from '../methods/tuned-model.ts';
import { planRun, type RunPlan } from '../training/epochs.ts';
import type { Schedule } from '../training/schedules.ts';
import { surveyRows, type RowsSurvey } from '../training/survey-rows.ts';
import { rowsInMemory, type TokenRows } from '../training/token-rows.ts';
import { openBaseText, type BaseText, type EncodedPrompt } from './base-text.ts';
import { repeatedFindings } from './dataset-shares.ts';
import { hashText, hashWeights } from './initial-model.ts';
import type { JobContext } from './job-context.ts';
import { openStart, settleSpec, startFindings, type TrainingStart } from './open-start.ts';
import { optimizerFindings, planLora, plannedMethod, type LoraPlan } from './plan-lora.ts';
import { trainingRows, type TrainingRows } from './training-rows.ts';

/** What a run reads, all of it checked; it has no folder yet. */
export interface CheckedTraining {
  /** What was asked for, with the method that follows from what the run goes on from. */
  readonly spec: SettledTrainSpec;
  readonly start: TrainingStart | undefined;
  readonly described: DescribedBase;
  /** Tells the base apart from others. */
  readonly baseHash: string;
  /** Undefined for full fine-tuning. */
  readonly lora: LoraPlan | undefined;
  readonly text: BaseText;
  readonly data: TrainingRows;
  /** Rows of what should not be forgotten; empty where that is not measured. */
  readonly general: TokenRows;
  readonly generalHash: string;
  readonly prompts: readonly EncodedPrompt[];
  readonly plan: RunPlan;
  readonly schedule: Schedule;
  /** The longest sequence that goes through the model. */
  readonly lengthMax: number;
  readonly warnings: readonly Finding[];
  close(): Promise<void>;
}

type Report = (severity: Finding['severity'], where: string, message: string) => void;

/**
 * Checks what a run reads, and keeps its rows as tokens in the folder `tokens`; `standing` says what else is in its way. Throws
 * `DomainError('train')` with all findings at once, and `UnavailableError` when the job was asked to stop meanwhile. The caller closes the
 * result.
 */
export async function checkTraining(
  asked: TrainSpec,
  {
    tokens,
    standing,
  }: { readonly tokens: string; readonly standing?: (spec: SettledTrainSpec) => Promise<readonly Finding[]> },
  context: JobContext,
): Promise<CheckedTraining> {
  const findings: Finding[] = [];
  const report: Report = (severity, where, message) => void findings.push({ severity, code: 'train', where, message });
  const { method } = asked;
  const start =
    method.kind === 'continue' ? await collectFindings(findings, 'method.from', () => openStart(method)) : undefined;
  const described = await collectFindings(findings, 'base', () => describeBase(asked));
  const settled = settleSpec(asked, start, described?.tensors);
  const { spec } = settled;
  findings.push(...settled.findings);
  findings.push(...((await standing?.(spec)) ?? []));
  const text = await collectFindings(findings, 'base', () => openBaseText(spec.base));
  let data: TrainingRows | undefined;
  const close = async (): Promise<void> => {
    await data?.close();
    await text?.close();
  };
  try {
    const isSettled = method.kind !== 'continue' || start !== undefined;
    const lora = described && isSettled && spec.method.kind === 'lora' ? planLora(spec, described, start) : undefined;
    findings.push(...(lora?.findings ?? []));
    const baseHash = described && (await hashBase(described));
    if (start && described && lora && baseHash !== undefined && !findings.some(({ severity }) => severity === 'error'))
      findings.push(...startFindings(start, baseHash, plannedMethod(described, lora)));
    const lengthMax = checkContext(spec, described?.spec.maxPositions, report);
    data = text && (await trainingRows(tokens, spec, { text, contextMax: lengthMax, findings }, context));
    const { general: generalAsked } = spec.evaluation;
    const general = text ? await readGeneralRows(generalAsked, text, lengthMax, findings) : rowsInMemory([]);
    const generalSurvey = await surveyRows(general);
    const prompts = text ? await readPrompts(spec, text, lengthMax, findings) : [];
    if (spec.method.kind === 'full' && described?.base && isPacked(described.base))
      report(
        'error',
        'base',
        'its weights are packed in few bits and cannot be trained: train an adapter, or unpack them first with lorary quantize',
      );
    if (described && data) checkVocabulary(described.spec.vocabSize, [data.train, data.held, generalSurvey], report);
    const plan = data && data.train.rows.length > 0 ? planSteps(spec, data.train.rows, data.parts) : undefined;
    if (data?.parts && plan) findings.push(...repeatedFindings(spec, plan, data.parts));
    const schedule = plan && planSchedule(spec, plan.steps, report);
    if (data) checkHeldOut(spec, data.held.rows.length, report);
    findings.push(...optimizerFindings(spec), ...(described?.base?.warnings ?? []));
    const warnings = refuseErrors('train', 'The run cannot begin:', findings);
    if (!described || baseHash === undefined || !text || !data || !plan || !schedule)
      throw new Error('a part is missing without a finding');
    return {
      spec,
      start,
      described,
      baseHash,
      lora,
      text,
      data,
      general,
      generalHash: generalSurvey.sha256,
      prompts,
      plan,
      schedule,
      lengthMax,
      warnings,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const startsRandom = ({ method }: TrainSpec): boolean => method.kind === 'full' && method.initial === 'random';

type DescribedBase = Awaited<ReturnType<typeof describeBase>>;

const hashBase = async ({ base, config }: DescribedBase): Promise<string> =>
  base ? await hashWeights(base) : hashText(JSON.stringify(config));

/** What is known of the model before anything is written; `base` is undefined where its weights are still to be made. */
async function describeBase(spec: TrainSpec): Promise<
  ReturnType<typeof describeModel> & {
    readonly config: Readonly<Record<string, unknown>>;
    readonly base: BaseModelFolder | undefined;
  }
> {
  if (!startsRandom(spec)) {
    const base = await openBaseModel(spec.base);
    return { ...tunedModel(base), config: base.config, base };
  }
  const config = await readJsonFile(join(spec.base, 'config.json'));
  if (typeof config !== 'object' || config === null) throw new DomainError('config', 'config.json is not an object');
  return { ...describeModel({ ...config }), config: { ...config }, base: undefined };
}

/** The longest sequence that goes through the model. */
function checkContext({ data }: TrainSpec, contextMax: number | undefined, report: Report): number {
  const asked = data.contextTokens ?? contextMax ?? Infinity;
  if (contextMax !== undefined && asked > contextMax)
    report('error', 'data.contextTokens', `is ${asked}; the base has a context of ${contextMax} tokens`);
  return asked;
}

/** What looks at held-out rows needs some. */
function checkHeldOut({ evaluation, keep }: TrainSpec, evalRows: number, report: Report): void {
  if (evalRows > 0) return;
  const help = 'needs held-out rows: give data.eval or data.evalFraction';
  if (evaluation.patience !== undefined) report('error', 'evaluation.patience', help);
  if (evaluation.keep === 'best') report('error', 'evaluation.keep', `best ${help}`);
  if (evaluation.general) report('error', 'evaluation.general', help);
  if (keep?.best) report('error', 'keep.best', help);
}

async function readPrompts(
  { samples }: TrainSpec,
  text: BaseText,
  contextMax: number,
  findings: Finding[],
): Promise<EncodedPrompt[]> {
  const prompts: EncodedPrompt[] = [];
  for (const [i, prompt] of samples.prompts.entries()) {
    const where = `samples.prompts[${i}]`;
    const encoded = await collectFindings(findings, where, () => text.encodePrompt(prompt));
    if (!encoded) continue;
    prompts.push(encoded);
    if (encoded.ids.length === 0 || encoded.ids.length >= contextMax)
      findings.push({
        severity: 'error',
        code: 'prompt-length',
        where,
        message: `has ${encoded.ids.length} tokens; it must have at least one and leave room in a context of ${contextMax}`,
      });
  }
  return prompts;
}

function checkVocabulary(vocabSize: number, surveys: readonly RowsSurvey[], report: Report): void {
  const largest = Math.max(...surveys.map(({ largestToken }) => largestToken));
  if (largest >= vocabSize)
    report(
      'error',
      'base',
      `the tokenizer gives token ${largest}, but the model knows ${vocabSize}: they do not belong together`,
    );
}

function planSteps(spec: TrainSpec, rows: TokenRows, parts: readonly MixedPart[] | undefined): RunPlan {
  const { batch, epochs, steps, tokens, seed } = spec;
  const length = steps !== undefined ? { steps } : tokens !== undefined ? { tokens } : { epochs: epochs ?? 3 };
  const size = batch.tokens !== undefined ? { tokens: batch.tokens } : { rows: batch.rows ?? 16 };
  return planRun(rows.inputLengths, { size, length, seed, parts });
}

function planSchedule({ schedule, optimizer, method }: SettledTrainSpec, steps: number, report: Report): Schedule {
  const { kind, warmupSteps: given, warmupRatio } = schedule;
  // a ratio is rounded up, but always leaves the last step at full rate
  const warmupSteps = given ?? Math.min(Math.ceil((warmupRatio ?? 0.03) * steps), steps - 1);
  if (warmupSteps >= steps)
    report(
      'error',
      'schedule.warmupSteps',
      `is ${warmupSteps}, but the run has ${steps} steps: the full rate would never be reached`,
    );
  const usual = method.kind === 'lora' ? 2e-4 : method.initial === 'base' ? 2e-5 : 3e-4;
  return { kind, warmupSteps, steps, learningRate: optimizer.learningRate ?? usual };
}
