import { expect, test } from 'vitest';
import { chooseClass } from './choose-class.ts';

const cpu = { queue: 'cpu', jobDefinition: 'a' };
const gpu = (gigabytes: number) => ({ queue: `gpu-${gigabytes}`, jobDefinition: 'b', gpuMemoryBytes: gigabytes * 1e9 });
const all = [gpu(48), cpu, gpu(16), gpu(24)];
const needs = (accelerator: boolean, gigabytes: number) => ({ accelerator, memoryBytes: gigabytes * 1e9 });

test('what no class holds is refused, and so is every run where there are no classes', () => {
  expect(() => chooseClass(all, needs(true, 49))).toThrow(/49000000000 bytes of GPU memory/);
  expect(() => chooseClass([], undefined)).toThrow(/without a way to run jobs/);
});

test('the smallest GPU that holds a run is taken, at its bound too', () => {
  expect([1, 16, 17, 48].map((gigabytes) => chooseClass(all, needs(true, gigabytes)).queue)).toEqual([
    'gpu-16',
    'gpu-16',
    'gpu-24',
    'gpu-48',
  ]);
});

test('what computes little goes where there are no GPUs, and each goes to the other where there is no choice', () => {
  expect(chooseClass(all, needs(false, 100)).queue).toBe('cpu');
  expect(chooseClass(all, undefined).queue).toBe('cpu');
  expect(chooseClass([gpu(24), gpu(16)], undefined).queue).toBe('gpu-16');
  expect(chooseClass([cpu], needs(true, 100)).queue).toBe('cpu');
});
