import { z } from 'zod';
import { trainFields, trainSpecSchema, type TrainSpec } from './train.ts';

/** Machines that an estimate can be made for elsewhere: a container without a GPU, and GPUs by their memory in GB. */
export const machineClassNames = ['cpu', 'gpu-16', 'gpu-24', 'gpu-48', 'gpu-80'] as const;

const { output } = trainFields.shape;
const fields = trainFields.extend({
  kind: z.literal('estimate'),
  output: output.optional().describe('Nothing is written, so it may be left out.'),
  machine: z
    .enum(machineClassNames)
    .optional()
    .describe(
      'A class of machines of AWS: a container with 4 CPUs and 16 GB, or a GPU with so many GB. Absent: this machine, whose speed is measured.',
    ),
});

/** What a training run would take: the spec of one, of another kind and with or without an output. */
export const estimateSpecSchema = fields.superRefine((spec, context) => {
  for (const { path, message } of trainSpecSchema.safeParse(trainingOf(spec)).error?.issues ?? [])
    context.addIssue({ code: 'custom', path: [...path], message, input: spec });
});
export type EstimateSpec = z.output<typeof estimateSpecSchema>;

/** The run that is asked about; nothing reads its output. */
export function trainingOf({
  kind: _kind,
  machine: _machine,
  output: place = 'nowhere',
  ...train
}: EstimateSpec): TrainSpec {
  return { kind: 'train', ...train, output: place };
}
