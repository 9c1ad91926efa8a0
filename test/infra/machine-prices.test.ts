import { expect, test } from 'vitest';
import { gpuClasses, instanceFamilies } from '../../infra/instance-families.ts';
import { chooseClass } from '../../shared/aws/choose-class.ts';
import { awsPrice, cpuMachine } from '../../shared/domain/machine-prices.ts';
import { synthStage } from './synth-stage.ts';

test('a job costs what the class costs that it is going to be queued in; every class has a price', () => {
  const names = { queue: 'q', jobDefinition: 'd' };
  const classes = [names, ...gpuClasses(instanceFamilies).map(({ gpuMemoryBytes }) => ({ ...names, gpuMemoryBytes }))];
  const dollars = (accelerator: boolean, memoryBytes: number): number =>
    awsPrice(chooseClass(classes, { accelerator, memoryBytes }).gpuMemoryBytes).microDollarsPerHour / 1e6;
  expect(dollars(false, 1e9)).toBeCloseTo(0.233, 3);
  expect([10e9, 20e9, 40e9, 80e9].map((bytes) => dollars(true, bytes))).toEqual([0.526, 1.006, 1.861, 6.88]);
  // the largest there is takes what is too large for all
  expect(dollars(true, 1e12)).toBe(6.88);
  expect(() => awsPrice(1e12)).toThrow('every class of machines has a price');
});

test('the machine without a GPU is priced as the stage asks for it', () => {
  const stage = JSON.stringify(synthStage().stacks);
  expect(stage).toContain(`"Type":"VCPU","Value":"${cpuMachine.vcpus}"`);
  expect(stage).toContain(`"Type":"MEMORY","Value":"${cpuMachine.memoryGigabytes * 1024}"`);
});
