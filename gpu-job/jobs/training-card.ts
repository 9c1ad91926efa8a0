import { basename } from 'node:path';
import type { TrainReport } from '../../shared/contract/reports.ts';
import type { SettledTrainSpec } from '../../shared/contract/specs/train.ts';
import { forgettingCard } from '../forgetting/forgetting-card.ts';
import type { PreparedTraining } from './prepare-training.ts';

/** The model card of a run: what was trained, by which recipe, and how it did. */
export function trainingCard(spec: SettledTrainSpec, run: PreparedTraining, report: TrainReport): string {
  const adapter = run.config !== undefined;
  const base = run.config?.base_model_name_or_path ?? basename(spec.base);
  const fresh = spec.method.kind === 'full' && spec.method.initial === 'random';
  const front = [
    '---',
    ...(fresh ? [] : [`base_model: ${JSON.stringify(base)}`]),
    `library_name: ${adapter ? 'peft' : 'transformers'}`,
    'pipeline_tag: text-generation',
    'tags:',
    `  - ${adapter ? 'lora' : 'llama'}`,
    '---',
  ];
  return [
    ...front,
    '',
    `# ${basename(spec.output)}`,
    '',
    introduction(spec, report, base),
    '',
    ...results(report),
    ...(report.forgetting ? forgettingCard(report.forgetting) : []),
    '## Recipe',
    '',
    '| setting | value |',
    '| --- | --- |',
    ...recipe(spec, run, report).map(([name, value]) => `| ${name} | ${cell(String(value))} |`),
    '',
    ...samples(report),
    'Every step stands in `metrics.jsonl`, the whole spec in `training.json`.',
    '',
  ].join('\n');
}

function introduction(
  { method }: SettledTrainSpec,
  { trainableParameters, tokens, from }: TrainReport,
  base: string,
): string {
  const parameters = trainableParameters.toLocaleString('en');
  const what =
    method.kind === 'lora'
      ? `A LoRA adapter for \`${base}\` with ${parameters} trained parameters.`
      : method.initial === 'random'
        ? `A model of ${parameters} parameters, trained from random weights.`
        : `All ${parameters} parameters of \`${base}\`, fine-tuned.`;
  const begun = from
    ? ` It goes on from ${from.name}, with ${from.keepsMoments ? 'its' : 'new'} moments of the optimizer.`
    : '';
  return `${what}${begun} It saw ${tokens.toLocaleString('en')} tokens${from ? ' since' : ''}.`;
}

function results(report: TrainReport): string[] {
  const { trainLoss, evalLossBefore, evalLoss, evalTokenAccuracyBefore, evalTokenAccuracy, evalRows } = report;
  const share = (value: number | null): string => (value === null ? '' : `${(100 * value).toFixed(1)}%`);
  const heldOut =
    evalLoss === null || evalLossBefore === null
      ? []
      : [
          `| held-out loss (${evalRows} rows, nats per token) | ${evalLossBefore.toFixed(4)} | ${evalLoss.toFixed(4)} |`,
          `| held-out tokens right | ${share(evalTokenAccuracyBefore)} | ${share(evalTokenAccuracy)} |`,
        ];
  return [
    '## Results',
    '',
    '| | before | after |',
    '| --- | --- | --- |',
    ...heldOut,
    `| training loss, last tenth of the steps | | ${trainLoss.toFixed(4)} |`,
    '',
  ];
}

function recipe(
  spec: SettledTrainSpec,
  { config, schedule, plan, rows }: PreparedTraining,
  report: TrainReport,
): [string, string | number][] {
  const { optimizer, batch, data } = spec;
  const targets = config?.target_modules;
  return [
    ...(config
      ? ([
          ['r', config.r],
          ['lora_alpha', config.lora_alpha],
          ['lora_dropout', config.lora_dropout],
          ['use_rslora', String(config.use_rslora)],
          ['use_dora', String(config.use_dora)],
          ['init_lora_weights', String(config.init_lora_weights)],
          ['target_modules', typeof targets === 'string' ? targets : (targets ?? []).join(', ')],
        ] as [string, string | number][])
      : []),
    ...(report.datasets?.map(({ name, weight, rows: own, shareOfTokens, passes }): [string, string] => [
      'training rows',
      `${own} of ${name}, weight ${weight}: ${(100 * shareOfTokens).toFixed(1)}% of the tokens, read ${passes.toFixed(2)} times`,
    ]) ?? [['training rows', `${rows.length} of ${basename(data.train)}`] as [string, string]]),
    ['steps', stepsText(report, plan.steps)],
    ['step size', batch.tokens === undefined ? `${batch.rows ?? 16} rows` : `${batch.tokens} tokens`],
    ['optimizer', `AdamW, betas ${optimizer.beta1} and ${optimizer.beta2}, epsilon ${optimizer.epsilon}`],
    ['learning rate', `${schedule.learningRate}, ${schedule.kind}, ${schedule.warmupSteps} warm-up steps`],
    ...(optimizer.loraPlusRatio === undefined
      ? []
      : ([['LoRA+', `B at ${optimizer.loraPlusRatio} times that rate`]] as [string, string][])),
    ['weight decay', optimizer.weightDecay],
    ['gradient clipping', optimizer.clipNorm === 0 ? 'none' : `global norm ${optimizer.clipNorm}`],
    ['seed', spec.seed],
  ];
}

function stepsText(
  { steps, epochs, endedEarly, stoppedBy, writtenStep, skippedSteps }: TrainReport,
  planned: number,
): string {
  const notes = [
    `${epochs} epoch${epochs === 1 ? '' : 's'} begun`,
    ...(endedEarly
      ? [
          `of ${planned} planned: ${stoppedBy === 'budget' ? 'the allowance was spent' : 'the held-out loss fell no more'}`,
        ]
      : []),
    ...(writtenStep === steps
      ? []
      : [`the weights are those after step ${writtenStep}, whose held-out loss is lowest`]),
    ...(skippedSteps === 0 ? [] : [`${skippedSteps} left out, whose gradients were spikes or beyond float16`]),
  ];
  return `${steps} (${notes.join('; ')})`;
}

function samples({ samples, steps }: TrainReport): string[] {
  const first = new Map(samples.filter(({ step }) => step === 0).map(({ prompt, text }) => [prompt, text]));
  const last = samples.filter(({ step }) => step === steps);
  if (last.length === 0) return [];
  const row = ({ prompt, text }: { prompt: string; text: string }): string =>
    `| ${cell(prompt)} | ${cell(first.get(prompt) ?? '')} | ${cell(text)} |`;
  return ['## Samples', '', '| prompt | before | after |', '| --- | --- | --- |', ...last.map(row), ''];
}

/** Text that cannot break out of a table. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').trim();
