import { z } from 'zod';
import { pathField, threadsField } from './spec-fields.ts';

/** `peft`: a clean adapter folder. `flattened`: one rank and one scaling for all modules. `gguf`: an adapter for llama.cpp. `merged-gguf`: a whole model for it. */
export const exportFormats = ['peft', 'flattened', 'gguf', 'merged-gguf'] as const;
export type ExportFormat = (typeof exportFormats)[number];

const fields = z.strictObject({
  kind: z.literal('export'),
  format: z.enum(exportFormats),
  /** Folder of the base (or of any model): needed for both GGUF formats and for `fillLayers`. */
  base: pathField.optional(),
  /** Folder of a LoRA adapter in PEFT's layout: needed for all but `merged-gguf`, where it is merged on the way. */
  adapter: pathField.optional(),
  /**
   * Storage type. Default f16 in GGUF, as llama.cpp's converters write, f32 when flattened, as PEFT does; `peft` copies the tensors.
   * Norms and biases are f32 in GGUF whatever is asked for.
   */
  dtype: z.enum(['f32', 'f16', 'bf16', 'q8_0']).optional(),
  fillLayers: z
    .boolean()
    .default(false)
    .describe(
      'For `flattened`: adds pairs of zeros for layers that the adapter leaves out; LoRAX and TGI skip a kind of layer when one of them is missing.',
    ),
  baseModelName: z
    .string()
    .min(1)
    .optional()
    .describe(
      "For `peft` and `flattened`: written as `base_model_name_or_path`; vLLM's resolvers want exactly the name that the engine was started with.",
    ),
  /** Folder of the export; it must not exist. */
  output: pathField,
  threads: threadsField,
});

type Fields = z.output<typeof fields>;

/** Storage types by format, the default first. */
const dtypes: Readonly<Record<ExportFormat, readonly NonNullable<Fields['dtype']>[]>> = {
  peft: [],
  flattened: ['f32', 'f16', 'bf16'],
  gguf: ['f16', 'f32'],
  'merged-gguf': ['f16', 'f32', 'bf16', 'q8_0'],
};

/** What the fields ask of each other: what must not be so, where, and why. */
const rules: readonly (readonly [where: keyof Fields, broken: (spec: Fields) => boolean, message: string])[] = [
  ['adapter', (s) => s.format !== 'merged-gguf' && s.adapter === undefined, 'is missing: this format is of an adapter'],
  ['base', (s) => s.format.endsWith('gguf') && s.base === undefined, 'is missing: GGUF needs sizes of the base'],
  [
    'base',
    (s) => s.format === 'peft' && s.base !== undefined,
    'would do nothing: peft copies the adapter as it is; leave it out',
  ],
  [
    'base',
    (s) => s.fillLayers && s.format === 'flattened' && s.base === undefined,
    'is missing: it says which layers there are to fill',
  ],
  ['fillLayers', (s) => s.fillLayers && s.format !== 'flattened', 'belongs to the format flattened'],
  ['baseModelName', (s) => s.baseModelName !== undefined && s.format.endsWith('gguf'), 'is not written to GGUF'],
  [
    'dtype',
    (s) => s.dtype !== undefined && s.format === 'peft',
    'cannot be chosen: peft copies the tensors as they are',
  ],
  ['dtype', (s) => s.dtype === 'bf16' && s.format === 'gguf', 'is f16 or f32 for an adapter in GGUF'],
  ['dtype', (s) => s.dtype === 'q8_0' && s.format === 'gguf', 'is f16 or f32: adapters are small, and q8_0 loses much'],
  ['dtype', (s) => s.dtype === 'q8_0' && s.format === 'flattened', 'is f32, f16 or bf16 in safetensors'],
];

/** Exports an adapter, or a model with or without one, in a form that serving engines read. */
export const exportSpecSchema = rules.reduce(
  (schema, [where, broken, error]) =>
    schema.refine((spec) => !broken(spec), {
      error,
      path: [where],
      when: ({ value, issues }) => typeof value === 'object' && value !== null && issues.every(isRule),
    }),
  fields,
);

/** Rules are asked together, but only of fields that are sound in themselves. */
const isRule = (issue: { readonly code?: string }): boolean => issue.code === 'custom';

export type ExportSpec = z.output<typeof exportSpecSchema>;

/** The storage type of a spec, the default filled in. */
export function exportDtype({ format, dtype }: Pick<ExportSpec, 'format' | 'dtype'>): NonNullable<ExportSpec['dtype']> {
  return dtype ?? dtypes[format][0] ?? 'f32';
}
