import { expect, test } from 'vitest';
import { limits } from '../../shared/limits.ts';
import { driverTools } from '../../test/support/driver-tool.ts';
import { chooseWorkers } from './choose-workers.ts';

const driver = driverTools();
const toolOf = (count: number): Promise<string> => driver.tool(`seq 0 ${count - 1}`);

test('one worker for each GPU of the machine, up to as many as there may be', async () => {
  const most = limits.stepWorkersMax;
  expect(await chooseWorkers({ device: 'cuda' }, await toolOf(4))).toBe(4);
  expect(await chooseWorkers({ device: 'cuda' }, await toolOf(most))).toBe(most);
  expect(await chooseWorkers({ device: 'cuda' }, await toolOf(most + 1))).toBe(most);
});

test('one worker on the processor, on a GPU that is named, and where all stays on it; as many as asked for anywhere', async () => {
  const four = await toolOf(4);
  for (const spec of [{}, { device: 'cpu' }, { device: 'cuda:1' }, { device: 'cuda', state: 'device' }])
    expect(await chooseWorkers(spec, four)).toBe(1);
  for (const device of ['cpu', 'cuda']) expect(await chooseWorkers({ device, workers: 2 }, four)).toBe(2);
});

test('where no tool tells, there is one, which will say why it has no GPU', async () => {
  expect(await chooseWorkers({ device: 'cuda' }, driver.missing)).toBe(1);
});
