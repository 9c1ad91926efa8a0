import { expect, test } from 'vitest';
import { driverTools, ofSecondGpu } from '../../test/support/driver-tool.ts';
import { availableMemory, availableOn } from './available-memory.ts';

const driver = driverTools();

test('on the processor a step may take what the process may', async () => {
  const { bytes, what } = await availableOn('cpu', driver.missing);
  expect(what).toBe(availableMemory().what);
  expect(bytes).toBeGreaterThan(0);
});

test('on a GPU a step may take what is free there, less what the driver takes', async () => {
  const mebibytes = 22_000;
  expect(await availableOn({ cuda: 1 }, await driver.tool(ofSecondGpu(String(mebibytes))))).toEqual({
    bytes: mebibytes * 2 ** 20 - 1e9,
    what: 'free on GPU 1',
  });
  expect((await availableOn({ cuda: 1 }, await driver.tool(ofSecondGpu('900')))).bytes).toBe(0);
});

test('a GPU that is not there has no memory, and is told with what to do', async () => {
  await expect(availableOn({ cuda: 0 }, await driver.tool(ofSecondGpu('22000')))).rejects.toThrow(
    /There is no GPU 0 to ask for its free memory: .*doctor --device cuda/,
  );
});
