import { z } from 'zod';
import { limits } from '../../limits.ts';
import { loraConfigSchema } from '../../methods/lora.ts';
import { pathField } from './spec-fields.ts';
import { withPreset } from './train-presets.ts';
import { trainFields, trainSpecSchema, type TrainSpec } from './train.ts';

const { r, lora_alpha: alpha, target_modules: targets } = loraConfigSchema.shape;
const setting = {
  r: r.unwrap(),
  lora_alpha: alpha.unwrap(),
  learningRate: z.number().gt(0),
  target_modules: targets,
};

/** Settings of one run. */
export const settingsSchema = z.strictObject(setting).partial();
/** What one run of a sweep has of its own. */
export type SweepSettings = z.output<typeof settingsSchema>;

/** Values of settings, to be combined. */
export const overField = z
  .strictObject({
    r: z.array(setting.r).min(1),
    lora_alpha: z.array(setting.lora_alpha).min(1),
    learningRate: z.array(setting.learningRate).min(1),
    target_modules: z.array(setting.target_modules).min(1),
  })
  .partial();

const shared = trainFields.omit({ kind: true, output: true });

const fields = z.strictObject({
  kind: z.literal('sweep'),
  train: z
    .preprocess((given: z.input<typeof shared>) => withPreset(given), shared)
    .describe('What all runs share: a training run without `output`.'),
  over: overField.optional().describe('Values of each setting: every combination is a run; excludes `runs`.'),
  runs: z.array(settingsSchema).min(1).optional().describe('Settings of each run; excludes `over`.'),
  output: pathField.describe('Folder of the runs, `run-01` and so on, and of `sweep.json`, the ranking.'),
});

type Fields = z.output<typeof fields>;
type Train = Fields['train'];

/** Trains the same with other settings, one run after another, and ranks them by their held-out loss. */
export const sweepSpecSchema = fields.superRefine((spec, context) => {
  const issue = (path: (string | number)[], message: string): void =>
    context.addIssue({ code: 'custom', path, message, input: spec });
  const { over, runs, train } = spec;
  if ((over === undefined) === (runs === undefined))
    return issue(['over'], 'give either over, values that are combined, or runs, the settings of each');
  const count =
    runs?.length ?? Object.values(over ?? {}).reduce((product, values) => product * (values?.length ?? 1), 1);
  if (count > limits.sweepRunsMax)
    return issue([over ? 'over' : 'runs'], `makes ${count} runs; a sweep has at most ${limits.sweepRunsMax}`);
  if (over && Object.keys(over).length === 0)
    return issue(['over'], 'names no setting: r, lora_alpha, learningRate, target_modules');
  if (train.method.kind !== 'lora')
    issue(['train', 'method', 'kind'], 'is not lora: what a sweep changes are settings of an adapter');
  if (train.data.eval === undefined && train.data.evalFraction === undefined)
    issue(['train', 'data'], 'needs held-out rows to rank by: give eval or evalFraction');
  const known = new Map<string, number>();
  for (const [i, settings] of settingsOf(spec).entries()) {
    const text = JSON.stringify(settings);
    const first = known.get(text);
    if (first !== undefined)
      issue(runs ? ['runs', i] : ['over'], `gives run ${i + 1} the settings of run ${first + 1}`);
    known.set(text, first ?? i);
  }
  const told = new Set<string>();
  for (const run of sweepRuns(spec)) {
    const parsed = trainSpecSchema.safeParse(run.spec);
    for (const { path, message } of parsed.error?.issues ?? []) {
      const text = `${path.join('.')} ${message}`;
      if (!told.has(text))
        issue(['train', ...path.map((part) => (typeof part === 'number' ? part : String(part)))], message);
      told.add(text);
    }
  }
});
export type SweepSpec = z.output<typeof sweepSpecSchema>;

/** The runs of a sweep in their order: the last setting changes fastest. `<output>/<name>` is where each stands. */
export function sweepRuns(
  spec: Pick<Fields, 'train' | 'over' | 'runs' | 'output'>,
): { readonly name: string; readonly settings: SweepSettings; readonly spec: TrainSpec }[] {
  return settingsOf(spec).map((settings, i) => {
    const name = sweepRunName(i);
    return {
      name,
      settings,
      spec: { kind: 'train', ...withSettings(spec.train, settings), output: `${spec.output}/${name}` },
    };
  });
}

/** The name of the run at this place, from 0. */
export const sweepRunName = (place: number): string => `run-${String(place + 1).padStart(2, '0')}`;

/** What each run of a sweep has of its own, in their order. */
export function settingsOf({ over, runs }: Pick<Fields, 'over' | 'runs'>): SweepSettings[] {
  if (runs) return runs;
  return Object.entries(over ?? {}).reduce<SweepSettings[]>(
    (settings, [name, values]) => settings.flatMap((one) => (values ?? []).map((value) => ({ ...one, [name]: value }))),
    [{}],
  );
}

/** A training, in a spec or in a request, with the settings of one run in the place of its own. */
export function withSettings<T extends Pick<Train, 'method' | 'optimizer'>>(
  train: T,
  { learningRate, r: rank, lora_alpha: ofRun, target_modules: modules }: SweepSettings,
): T {
  const { method, optimizer }: Pick<Train, 'method' | 'optimizer'> = train;
  const config = {
    ...(rank === undefined ? {} : { r: rank }),
    ...(ofRun === undefined ? {} : { lora_alpha: ofRun }),
    ...(modules === undefined ? {} : { target_modules: modules }),
  };
  return {
    ...train,
    ...(learningRate === undefined ? {} : { optimizer: { ...optimizer, learningRate } }),
    ...(method.kind === 'lora' ? { method: { ...method, config: { ...method.config, ...config } } } : {}),
  };
}
