import { z } from 'zod';
import { limits } from '../../limits.ts';
import { pathField } from './spec-fields.ts';

/** Composes adapters of one base with each other into a new adapter. No base weights are needed. */
export const composeSpecSchema = z
  .strictObject({
    kind: z.literal('compose'),
    /** `cat` keeps the sum whole (ranks add up), `svd` finds its best adapter of a given rank, `linear` that of the members' own, equal rank. */
    type: z.enum(['linear', 'cat', 'svd']),
    /** `exact`: the weighted sum of the updates, or its best approximation. `peft-compatible`: PEFT's result to the digit, its quirks included. */
    mode: z.enum(['exact', 'peft-compatible']).default('exact'),
    /** The PEFT to be compatible with: before 0.21, `svd` multiplied each update by its scaling twice. */
    peftRelease: z.enum(['0.21', '0.20']).default('0.21'),
    members: z
      .array(
        z.strictObject({
          /** Folder of a LoRA adapter in PEFT's layout. */
          adapter: pathField,
          /** May be negative: the member is taken away. */
          weight: z.number().default(1),
        }),
      )
      .min(1)
      .max(limits.composeMembersMax),
    /** Rank of an `svd` result; absent: the largest rank among the members. */
    rank: z.int().min(1).max(limits.loraRankMax).optional(),
    /** Element type of the written factors; f32 is what PEFT writes. */
    dtype: z.enum(['f32', 'bf16', 'f16']).default('f32'),
    /** Composes adapters whose configs name different bases, which otherwise is an error. */
    allowDifferentBases: z.boolean().default(false),
    /** Folder of the new adapter; it must not exist. */
    output: pathField,
  })
  .refine(({ type, rank }) => rank === undefined || type === 'svd', {
    error: 'only svd takes a rank: the others have the rank that follows from their members',
    path: ['rank'],
    when: ({ value }) => typeof value === 'object' && value !== null,
  });

export type ComposeSpec = z.output<typeof composeSpecSchema>;
