import { idField } from './fields.ts';
import { z } from '@hono/zod-openapi';
import { listOperation } from './list-operation.ts';
import { operation } from './operation.ts';

/** `team`, or the id of a key. */
const budgetPath = z.object({ subject: idField });

/** Numbers up to which cents and milliseconds are counted exactly. */
const dollarsField = z.number().min(0).max(1e9);
const hoursField = z.number().min(0).max(1e6);

const limitsSchema = z.strictObject({
  dollars: dollarsField.nullable().describe('Of a calendar month (UTC); null: any.'),
  machineHours: hoursField.nullable().describe('Of a calendar month (UTC), of all machines together; null: any.'),
  jobs: z.int().min(0).max(1e6).nullable().describe('Jobs that have not ended, at a time; null: any.'),
  requestsPerSecond: z
    .number()
    .gt(0)
    .max(10_000)
    .nullable()
    .describe(
      'Calls of one key; null: any. Each process of the server counts for itself, so that a stage lets in as many times more as it has instances.',
    ),
  storedBytes: z
    .int()
    .min(0)
    .max(1e15)
    .nullable()
    .describe('Bytes of files that are kept: adapters, bases, datasets, exports, checkpoints; null: any.'),
});

export const budgetSchema = z
  .object({
    subject: z.string().describe('`team`, or the id of a key.'),
    month: z.string().describe('Which month `used` is of, such as `2026-11`.'),
    limits: limitsSchema,
    used: z
      .object({ dollars: z.number(), machineHours: z.number(), storedBytes: z.int() })
      .describe('What containers took that have ended in this month, and bytes that are kept, whenever they came.'),
    reserved: z
      .object({ dollars: z.number(), machineHours: z.number(), jobs: z.int(), storedBytes: z.int() })
      .describe(
        'What jobs that have not ended and uploads that are open may still take. Used and reserved are never more than the limit.',
      ),
  })
  .openapi('Budget');
export type Budget = z.output<typeof budgetSchema>;

export const listBudgets = listOperation({
  operationId: 'listBudgets',
  path: '/v1/budgets',
  tag: 'budgets',
  summary: 'What the team and each of its keys may use, has used and has reserved.',
  scope: 'billing:read',
  item: budgetSchema,
});

export const getBudget = operation({
  operationId: 'getBudget',
  method: 'get',
  path: '/v1/budgets/{subject}',
  tag: 'budgets',
  summary: 'The budget of the team (`team`) or of one key.',
  scope: 'billing:read',
  params: budgetPath,
  output: budgetSchema,
});

/** Limits as somebody sets them. */
export const budgetLimitsSchema = limitsSchema.partial();

export const setBudget = operation({
  operationId: 'setBudget',
  method: 'put',
  path: '/v1/budgets/{subject}',
  tag: 'budgets',
  summary:
    'Sets limits of the team or of one key; those that are not named stay. Never below what is used and reserved already.',
  scope: 'billing:write',
  params: budgetPath,
  body: budgetLimitsSchema,
  output: budgetSchema,
  errors: ['below-use'],
});
