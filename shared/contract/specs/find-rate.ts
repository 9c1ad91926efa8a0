import { z } from 'zod';
import { limits } from '../../limits.ts';
import { pathField } from './spec-fields.ts';
import { withPreset } from './train-presets.ts';
import { trainFields, trainSpecSchema, type TrainSpec } from './train.ts';

const shared = trainFields.omit({ kind: true, output: true });

const fields = z.strictObject({
  kind: z.literal('find-rate'),
  train: z
    .preprocess((given: z.input<typeof shared>) => withPreset(given), shared)
    .describe(
      'The training run, without `output`. Its rate, length and schedule are those of the ramp; nothing is evaluated, sampled or kept.',
    ),
  steps: z
    .int()
    .min(limits.rateStepsMin)
    .max(limits.rateStepsMax)
    .default(100)
    .describe('Steps of the ramp, each at a higher rate. 100: some seventeen for each tenfold of rates.'),
  from: z.number().gt(0).default(1e-6).describe('Rate of the first step, at which nothing is learnt.'),
  to: z
    .number()
    .gt(0)
    .default(1)
    .describe('Rate of the last step, at which everything diverges; the ramp ends as soon as it does.'),
  output: pathField.describe('JSON file of the curve; it must not exist.'),
});
type Fields = z.output<typeof fields>;

/** Looks for the learning rate of a training run: a few steps at ever higher rates, whose weights are thrown away. */
export const findRateSpecSchema = fields.superRefine((spec, context) => {
  const { from, to } = spec;
  if (to < 10 * from)
    context.addIssue({ code: 'custom', path: ['to'], message: `is not ten times from (${from}) or more`, input: to });
  for (const { path, message } of trainSpecSchema.safeParse(rampRun(spec)).error?.issues ?? [])
    context.addIssue({
      code: 'custom',
      path: ['train', ...path.map((part) => (typeof part === 'number' ? part : String(part)))],
      message,
      input: spec,
    });
});
export type FindRateSpec = z.output<typeof findRateSpecSchema>;

/** The training run whose steps the ramp takes. */
export function rampRun({ train, steps, output }: Pick<Fields, 'train' | 'steps' | 'output'>): TrainSpec {
  const {
    epochs: _epochs,
    tokens: _tokens,
    maxSeconds: _maxSeconds,
    maxDollars: _maxDollars,
    keep: _keep,
    ...rest
  } = train;
  return {
    kind: 'train',
    ...rest,
    steps,
    schedule: { kind: 'constant', warmupSteps: 0 },
    evaluation: {},
    samples: trainFields.shape.samples.parse({}),
    output,
  };
}
