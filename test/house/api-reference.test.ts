import { expect, test } from 'vitest';
import { z } from 'zod';
import { operations } from '../../shared/contract/operations.ts';
import { apiDrift } from './api-reference.ts';

test('an operation that changed is found in both files', async () => {
  const changed = operations.map((operation) =>
    operation.operationId === 'getBase' ? { ...operation, query: z.object({ planted: z.string() }) } : operation,
  );
  expect(await apiDrift(changed)).toEqual([
    expect.stringContaining('docs/openapi.json'),
    expect.stringContaining('docs/api-reference.md'),
  ]);
});

test('document and reference say what the contract says', async () => {
  expect(await apiDrift()).toEqual([]);
});
