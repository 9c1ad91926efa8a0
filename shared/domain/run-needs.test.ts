import { expect, test } from 'vitest';
import { runNeeds } from './run-needs.ts';

test('training asks for an accelerator, and an export does not', () => {
  expect(runNeeds('train', { memoryBytes: 5.5 })).toEqual({ accelerator: true, memoryBytes: 6 });
  expect(runNeeds('export', { memoryBytes: 5 })).toEqual({ accelerator: false, memoryBytes: 5 });
});

test('merging goes without one where whoever runs the platform wants it so', () => {
  expect(runNeeds('merge', { memoryBytes: 5 }).accelerator).toBe(true);
  expect(runNeeds('merge', { memoryBytes: 5 }, ['merge']).accelerator).toBe(false);
  expect(runNeeds('train', { memoryBytes: 5 }, ['merge']).accelerator).toBe(true);
});
