import { z } from 'zod';

/** One thing that is wrong with an adapter (`error`) or worth knowing about it (`warning`); codes are listed in `docs/validation.md`. */
const findingSchema = z.object({
  severity: z.enum(['error', 'warning']),
  code: z.string(),
  message: z.string(),
  /** A file, a tensor, a module or a key of the config. */
  where: z.string().exactOptional(),
});

const validatedModuleSchema = z.object({
  /** Name in the base, e.g. `model.layers.0.self_attn.q_proj`. */
  module: z.string(),
  r: z.int(),
  inFeatures: z.int(),
  outFeatures: z.int(),
  /** The factor of the delta `scaling * B @ A`; null where a pattern of the config cannot be followed. */
  scaling: z.number().nullable(),
  /** Frobenius norm of the delta; null where it has none of this form, or the rank is too large. */
  deltaNorm: z.number().nullable(),
  /** `u^T delta v` for two fixed vectors of signs: with the norm it tells equal deltas, however they are stored. */
  deltaProbe: z.number().nullable(),
  /** Whether B is zero, or A: the delta is nothing. */
  zero: z.boolean(),
  /** Whether it acts on the base; null where there was no base to check against. */
  effective: z.boolean().nullable(),
});

const useSchema = z.object({ possible: z.boolean(), why: z.array(z.string()) });

/** What the validator says of one adapter. */
export const adapterValidationSchema = z.object({
  /** Whether there is no error among the findings: the adapter can be stored. */
  ok: z.boolean(),
  /** `effective modules N of M`, or what is known without a base. */
  summary: z.string(),
  findings: z.array(findingSchema),
  /** As in the config; empty where it has none. */
  peftType: z.string(),
  baseModel: z.string().nullable(),
  baseRevision: z.string().nullable(),
  checkedAgainstBase: z.boolean(),
  /** Modules that act, and modules that the config selects in the base; null where that is not known. */
  effectiveModules: z.int().nullable(),
  selectedModules: z.int().nullable(),
  /** Distinct ranks, ascending. */
  ranks: z.array(z.int()),
  /** Distinct element types, in the spelling of safetensors. */
  dtypes: z.array(z.string()),
  parameters: z.int(),
  modules: z.array(validatedModuleSchema),
  /** Whether the modules are all that the adapter changes: nothing beside A and B. */
  deltaOnly: z.boolean(),
  files: z.array(z.object({ name: z.string(), sizeBytes: z.int(), sha256: z.string() })),
  /** What can be done with it here. */
  usable: z.object({ train: useSchema, compose: useSchema, merge: useSchema }),
});

export type AdapterValidation = z.output<typeof adapterValidationSchema>;
export type ValidatedModule = z.output<typeof validatedModuleSchema>;
