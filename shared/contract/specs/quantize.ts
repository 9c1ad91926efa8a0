import { z } from 'zod';
import { pathField, threadsField } from './spec-fields.ts';

/**
 * `nf4`: 4-bit NormalFloat with packed scales, in the layout of bitsandbytes. `u4`: 16 even steps with a scale and a zero for each block.
 * `gguf`: the blocks that a GGUF file has, as they are. The others unpack a packed model into floats.
 */
export const quantizeTypes = ['nf4', 'u4', 'gguf', 'f32', 'bf16', 'f16'] as const;
export type QuantizeType = (typeof quantizeTypes)[number];

const fields = z.strictObject({
  kind: z.literal('quantize'),
  /** Folder of a float model; for `gguf` a GGUF file; for the float types the folder of a packed model. */
  base: pathField,
  type: z.enum(quantizeTypes),
  blockSize: z
    .literal([32, 64])
    .optional()
    .describe('For `u4`: values that share a scale and a zero, 64 where none is given. `nf4` has blocks of 64.'),
  data: pathField
    .optional()
    .describe(
      'For `nf4` and `u4`: JSONL on which the loss of both models is measured, so that the report says the gap.',
    ),
  rowsMax: z.int().min(1).optional().describe('Rows of `data` used, the first ones; absent: all.'),
  /** Folder of the model; it must not exist. */
  output: pathField,
  threads: threadsField,
});

type Fields = z.output<typeof fields>;

const packs = ({ type }: Fields): boolean => type === 'nf4' || type === 'u4';

/** What the fields ask of each other: what must not be so, where, and why. */
const rules: readonly (readonly [where: keyof Fields, broken: (spec: Fields) => boolean, message: string])[] = [
  ['blockSize', (s) => s.blockSize !== undefined && s.type !== 'u4', 'can be chosen for u4 only'],
  ['data', (s) => s.data !== undefined && !packs(s), 'is for nf4 and u4: in the other types nothing is rounded anew'],
  ['rowsMax', (s) => s.rowsMax !== undefined && s.data === undefined, 'limits data, which is not given'],
];

/** Packs a base model into few bits a weight, or unpacks one. */
export const quantizeSpecSchema = rules.reduce(
  (schema, [where, broken, error]) => schema.refine((spec) => !broken(spec), { error, path: [where] }),
  fields,
);

export type QuantizeSpec = z.output<typeof quantizeSpecSchema>;
