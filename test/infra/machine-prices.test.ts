import { expect, test } from 'vitest';
import { gpuClasses, instanceFamilies } from '../../infra/instance-families.ts';
import { chooseClass } from '../../shared/aws/choose-class.ts';
import { readAwsSettings } from '../../shared/aws/environment.ts';
import { machineClasses } from '../../shared/domain/machine-classes.ts';
import { awsPrice, cpuMachine } from '../../shared/domain/machine-prices.ts';
import { synthStage } from './synth-stage.ts';

test('a job costs what the class costs that it is going to be queued in; every class has a price', () => {
  const names = { queue: 'q', jobDefinition: 'd' };
  const classes = [names, ...gpuClasses(instanceFamilies).map(({ gpuMemoryBytes }) => ({ ...names, gpuMemoryBytes }))];
  const dollars = (accelerator: boolean, memoryBytes: number): number =>
    awsPrice(chooseClass(classes, { accelerator, memoryBytes })).microDollarsPerHour / 1e6;
  expect(dollars(false, 1e9)).toBeCloseTo(0.233, 3);
  expect([10e9, 20e9, 40e9, 80e9].map((bytes) => dollars(true, bytes))).toEqual([0.526, 1.006, 1.861, 6.88]);
  // the largest there is takes what is too large for all
  expect(dollars(true, 1e12)).toBe(6.88);
  expect(() => awsPrice({ gpuMemoryBytes: 1e12 })).toThrow('every class of machines has a price');
});

test('a price of the settings comes to the function that prices jobs, and the other classes keep theirs', () => {
  const dollarsPerHour = { cpu: 0.1, 'gpu-24': 0.402_000_3 };
  const stage = synthStage({ gpuFamilies: ['g4dn', 'g5'], prices: { asOf: '2026-12-24', dollarsPerHour } });
  const told = stage
    .ofType('AWS::Lambda::Function')
    .map(({ Properties }) => (Properties as unknown as FunctionProperties).Environment.Variables)
    .find((variables) => 'LORARY_MERGE_ON' in variables);
  const { jobClasses } = readAwsSettings({ ...told, LORARY_BUCKET: 'resolved-when-deployed' });
  const priceOf = (accelerator: boolean, memoryBytes: number) =>
    awsPrice(chooseClass(jobClasses, { accelerator, memoryBytes }));
  expect(priceOf(false, 1e9)).toEqual({ microDollarsPerHour: 100_000, basis: 'as set for this stage on 2026-12-24' });
  expect(priceOf(true, 10e9)).toMatchObject({ microDollarsPerHour: 526_000, basis: expect.stringContaining('g4dn') });
  // an allowance errs to the safe side
  expect(priceOf(true, 20e9)).toMatchObject({ microDollarsPerHour: 402_001 });
});

interface FunctionProperties {
  readonly Environment: { readonly Variables: Readonly<Record<string, string>> };
}

test('the machine without a GPU is priced as the stage asks for it', () => {
  const stage = JSON.stringify(synthStage().stacks);
  expect(stage).toContain(`"Type":"VCPU","Value":"${cpuMachine.vcpus}"`);
  expect(stage).toContain(`"Type":"MEMORY","Value":"${cpuMachine.memoryGigabytes * 1024}"`);
});

test('what an estimate knows of classes of machines is what stages have', () => {
  const known = machineClasses.filter(({ name }) => name !== 'cpu');
  expect(known.map(({ name, memoryBytes }) => [name, memoryBytes])).toEqual(
    gpuClasses(instanceFamilies).map((one) => [`gpu-${one.gpuMemoryGigabytes}`, one.gpuMemoryBytes]),
  );
  const sizes = machineClasses.map(({ memoryBytes }) => memoryBytes);
  expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
});
