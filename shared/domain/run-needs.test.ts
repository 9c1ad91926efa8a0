import { expect, test } from 'vitest';
import { runNeeds } from './run-needs.ts';

test('training asks for an accelerator, and an export does not', () => {
  expect(runNeeds('train', { memoryBytes: 5.5 })).toEqual({ accelerator: true, memoryBytes: 6 });
  expect(runNeeds('export', { memoryBytes: 5 })).toEqual({ accelerator: false, memoryBytes: 5 });
});
