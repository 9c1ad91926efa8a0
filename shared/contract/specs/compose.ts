import { z } from 'zod';
import { limits } from '../../limits.ts';
import { pathField } from './spec-fields.ts';

/** Composes adapters of one base with each other into a new adapter. No base weights are needed. */
export const composeSpecSchema = z
  .strictObject({
    kind: z.literal('compose'),
    type: z
      .enum(['linear', 'cat', 'svd'])
      .describe(
        "`cat` keeps the sum whole (ranks add up), `svd` finds its best adapter of a given rank, `linear` that of the members' own, equal rank.",
      ),
    mode: z
      .enum(['exact', 'peft-compatible'])
      .default('exact')
      .describe(
        "`exact`: the weighted sum of the updates, or its best approximation. `peft-compatible`: PEFT's result to the digit, its quirks included.",
      ),
    peftRelease: z
      .enum(['0.21', '0.20'])
      .default('0.21')
      .describe('The PEFT to be compatible with: before 0.21, `svd` multiplied each update by its scaling twice.'),
    members: z
      .array(
        z.strictObject({
          adapter: pathField.describe("Folder of a LoRA adapter in PEFT's layout."),
          weight: z.number().default(1).describe('May be negative: the member is taken away.'),
        }),
      )
      .min(1)
      .max(limits.composeMembersMax),
    rank: z
      .int()
      .min(1)
      .max(limits.loraRankMax)
      .optional()
      .describe('Rank of an `svd` result; absent: the largest rank among the members.'),
    dtype: z
      .enum(['f32', 'bf16', 'f16'])
      .default('f32')
      .describe('Element type of the written factors; f32 is what PEFT writes.'),
    allowDifferentBases: z
      .boolean()
      .default(false)
      .describe('Composes adapters whose configs name different bases, which otherwise is an error.'),
    output: pathField.describe('Folder of the new adapter; it must not exist.'),
  })
  .refine(({ type, rank }) => rank === undefined || type === 'svd', {
    error: 'only svd takes a rank: the others have the rank that follows from their members',
    path: ['rank'],
    when: ({ value }) => typeof value === 'object' && value !== null,
  });

export type ComposeSpec = z.output<typeof composeSpecSchema>;
