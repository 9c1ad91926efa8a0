import { expect, test } from 'vitest';
import { chooseClass } from './choose-class.ts';

const cpu = { queue: 'cpu', jobDefinition: 'a' };
const gpu = (gigabytes: number) => ({ queue: `gpu-${gigabytes}`, jobDefinition: 'b', gpuMemoryBytes: gigabytes * 1e9 });
const all = [gpu(48), cpu, gpu(16), gpu(24)];
const needs = (accelerator: boolean, gigabytes: number) => ({ accelerator, memoryBytes: gigabytes * 1e9 });

test('every run is refused where there are no classes', () => {
  expect(() => chooseClass([], undefined)).toThrow(/without a way to run jobs/);
});

test('the smallest GPU that holds a run is taken, at its bound too, and the largest for what none holds', () => {
  expect([1, 16, 17, 48, 49].map((gigabytes) => chooseClass(all, needs(true, gigabytes)).queue)).toEqual([
    'gpu-16',
    'gpu-16',
    'gpu-24',
    'gpu-48',
    'gpu-48',
  ]);
});

test('what computes little goes where there are no GPUs, and each goes to the other where there is no choice', () => {
  expect(chooseClass(all, needs(false, 100)).queue).toBe('cpu');
  expect(chooseClass(all, undefined).queue).toBe('cpu');
  expect(chooseClass([gpu(24), gpu(16)], undefined).queue).toBe('gpu-16');
  expect(chooseClass([cpu], needs(true, 100)).queue).toBe('cpu');
});
