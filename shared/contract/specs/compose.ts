import { z } from 'zod';
import { limits } from '../../limits.ts';
import { pathField } from './spec-fields.ts';

/** Composes adapters of one base with each other into a new adapter. No base weights are needed. */
export const composeSpecSchema = z
  .strictObject({
    kind: z.literal('compose'),
    /** `linear` adds the factors, `cat` stacks them (exact, ranks add up), `svd` finds the best adapter of a given rank. */
    type: z.enum(['linear', 'cat', 'svd']),
    /** `exact`: the weighted sum of the updates, or its best approximation. `peft-compatible`: PEFT's result to the digit, its quirks included. */
    mode: z.enum(['exact', 'peft-compatible']).default('exact'),
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
      .max(100),
    /** Rank of an `svd` result; absent: the largest rank among the members. */
    rank: z.int().min(1).max(limits.loraRankMax).optional(),
    /** Folder of the new adapter; it must not exist. */
    output: pathField,
  })
  .refine(({ type, rank }) => rank === undefined || type === 'svd', {
    error: 'only svd takes a rank: the others have the rank that follows from their members',
    path: ['rank'],
    when: ({ value }) => typeof value === 'object' && value !== null,
  });

export type ComposeSpec = z.output<typeof composeSpecSchema>;
