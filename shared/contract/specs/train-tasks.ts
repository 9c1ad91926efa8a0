import { z } from 'zod';
import { limits } from '../../limits.ts';
import { pathField } from './spec-fields.ts';
import { withPreset } from './train-presets.ts';
import { trainFields, trainSpecSchema, type TrainSpec } from './train.ts';

const { method, optimizer, schedule, evaluation, epochs, steps, tokens, seed, data, outputDtype } = trainFields.shape;

/** What a task may have of its own, each key whole. Fields without the defaults of a training run: those are filled in afterwards. */
const taskField = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]*$/, {
      error: 'small letters, digits, dots, dashes and underscores, a letter or digit first',
    })
    .max(limits.nameCharsMax)
    .describe('Of the task, and of the folder of its adapter.'),
  data,
  method: method.optional(),
  optimizer: optimizer.unwrap().optional(),
  schedule: schedule.unwrap().optional(),
  evaluation: evaluation.unwrap().optional(),
  epochs,
  steps,
  tokens,
  seed: seed.unwrap().optional(),
  outputDtype,
});

const shared = trainFields.omit({ kind: true, output: true, data: true });

const fields = z.strictObject({
  kind: z.literal('train-tasks'),
  train: z
    .preprocess((given: z.input<typeof shared>) => withPreset(given), shared)
    .describe('What all tasks share: a training run without `data` and `output`.'),
  tasks: z
    .array(taskField)
    .min(1)
    .max(limits.tasksMax)
    .describe('An adapter each. What a task gives stands in the place of what is shared.'),
  output: pathField.describe('Folder in which each adapter has one of its name.'),
});
type Fields = z.output<typeof fields>;

/** Trains an adapter for each of several tasks at once, on one base that all their rows go through together. */
export const trainTasksSpecSchema = fields.superRefine((spec, context) => {
  const issue = (path: (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', path, message, input: spec });
  const names = new Set<string>();
  for (const [i, { name, ...task }] of spec.tasks.entries()) {
    if (names.has(name)) issue(['tasks', i, 'name'], `"${name}" is another task already`);
    names.add(name);
    const run = taskRun(spec, { name, ...task });
    const known = new Set<string>(Object.keys(task));
    const place = (path: readonly PropertyKey[]): (string | number)[] => {
      const parts = path.map((part) => (typeof part === 'number' ? part : String(part)));
      return known.has(String(parts[0])) ? ['tasks', i, ...parts] : ['train', ...parts];
    };
    for (const { path, message } of trainSpecSchema.safeParse(run).error?.issues ?? []) issue(place(path), message);
    for (const [path, message] of unshareable(run)) issue(place(path.split('.')), message);
  }
});
export type TrainTasksSpec = z.output<typeof trainTasksSpecSchema>;

/** The training run that each task would be by itself; its output is `<output>/<name>`. */
export function taskRuns(
  spec: Pick<Fields, 'train' | 'tasks' | 'output'>,
): { readonly name: string; readonly spec: TrainSpec }[] {
  return spec.tasks.map((task) => ({ name: task.name, spec: taskRun(spec, task) }));
}

function taskRun(
  { train, output }: Pick<Fields, 'train' | 'output'>,
  { name, ...task }: Fields['tasks'][number],
): TrainSpec {
  const own = Object.fromEntries(Object.entries(task).filter(([, value]) => value !== undefined));
  // a length of its own takes the place of any other
  const hasLength = ['epochs', 'steps', 'tokens'].some((key) => key in own);
  const { epochs: _epochs, steps: _steps, tokens: _tokens, ...rest } = train;
  return { kind: 'train', ...(hasLength ? rest : train), data: task.data, ...own, output: `${output}/${name}` };
}

/** What is not computed where tasks share a base, by place. */
function unshareable({
  method,
  evaluation: looks,
  samples,
  maxSeconds,
  maxDollars,
  keep,
  optimizer: { spikeFactor },
  workers,
  state,
  compute,
}: TrainSpec): [string, string][] {
  const found: [string, string][] = [];
  const refuse = (where: string, message: string): void => void found.push([where, message]);
  if (method.kind !== 'lora') refuse('method.kind', 'is not lora: only new adapters share a base');
  else {
    const { lora_dropout: dropout, use_dora: dora, init_lora_weights: init, modules_to_save: saved } = method.config;
    if (dropout > 0)
      refuse('method.config.lora_dropout', 'is for a run by itself: its masks follow from what is in a batch');
    if (dora) refuse('method.config.use_dora', 'is for a run by itself: the lengths of rows differ from task to task');
    if (init !== true && init !== 'gaussian')
      refuse('method.config.init_lora_weights', 'takes from the base what all tasks share: true or gaussian');
    if (saved && saved.length > 0) refuse('method.config.modules_to_save', 'would train what all tasks share');
  }
  if (looks.patience !== undefined) refuse('evaluation.patience', 'is for a run by itself');
  if (looks.keep === 'best') refuse('evaluation.keep', 'best is for a run by itself');
  if (looks.general) refuse('evaluation.general', 'is for a run by itself: measure the adapter afterwards');
  if (state === 'device') refuse('state', 'device is for a run by itself');
  if (workers !== undefined) refuse('workers', 'are for a run by itself');
  if (keep) refuse('keep', 'is for a run by itself');
  if (compute === 'float16') refuse('compute', 'float16 scales the loss of a run by itself: take bfloat16 or float32');
  if (maxSeconds !== undefined) refuse('maxSeconds', 'is for a run by itself');
  if (maxDollars !== undefined) refuse('maxDollars', 'is for a run by itself');
  if (samples.prompts.length > 0) refuse('samples.prompts', 'are for a run by itself');
  if (spikeFactor !== undefined) refuse('optimizer.spikeFactor', 'is for a run by itself');
  return found;
}
