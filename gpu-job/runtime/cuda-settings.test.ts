import { expect, test } from 'vitest';
import { cudaSettings } from './cuda-settings.ts';

test('the arena grows as it must, up to what a run may take', () => {
  expect(cudaSettings({}, 'bfloat16')).toEqual({ arena_extend_strategy: 'kSameAsRequested' });
  expect(cudaSettings({ memoryMaxBytes: 2e10 }, 'bfloat16')).toMatchObject({ gpu_mem_limit: '20000000000' });
});

test('float32 is float32', () => {
  expect(cudaSettings({}, 'float32')).toMatchObject({ use_tf32: '0' });
  expect(cudaSettings({}, 'float16')).not.toHaveProperty('use_tf32');
});
