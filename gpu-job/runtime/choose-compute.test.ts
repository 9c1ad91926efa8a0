import { expect, test } from 'vitest';
import { driverTools, ofSecondGpu } from '../../test/support/driver-tool.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { chooseCompute } from './choose-compute.ts';
import { deviceOf, deviceOfWorker } from './device.ts';
import { createSession } from './session.ts';

const driver = driverTools();
const toolThatSays = (answer: string): Promise<string> => driver.tool(ofSecondGpu(answer));

test('the processor multiplies float32 unless it is told otherwise', async () => {
  expect(await chooseCompute('auto', 'cpu', driver.missing)).toBe('float32');
  expect(await chooseCompute('bfloat16', 'cpu', driver.missing)).toBe('bfloat16');
});

test('a GPU multiplies bfloat16 from compute capability 8.0 on, else float16, or what was asked for', async () => {
  const second = deviceOf('cuda:1');
  expect(await chooseCompute('auto', second, await toolThatSays('8.0'))).toBe('bfloat16');
  expect(await chooseCompute('auto', second, await toolThatSays('9.0'))).toBe('bfloat16');
  expect(await chooseCompute('auto', second, await toolThatSays('7.5'))).toBe('float16');
  expect(await chooseCompute('float32', second, driver.missing)).toBe('float32');
  await expect(chooseCompute('bfloat16', second, await toolThatSays('7.5'))).rejects.toThrow(
    'GPU 1 has compute capability 7.5 and no products of bfloat16, which begin with 8.0: take float16 or float32.',
  );
});

test('a GPU that is not there is told with what to do', async () => {
  await expect(chooseCompute('auto', { cuda: 0 }, driver.missing)).rejects.toThrow(
    /There is no GPU 0 .*there is no .*nowhere.*doctor --device cuda/,
  );
  await expect(chooseCompute('auto', { cuda: 1 }, await toolThatSays('nothing'))).rejects.toThrow(
    /says "nothing" of it/,
  );
});

test('a session on a GPU says what is missing here, and nothing is computed on the processor instead', async () => {
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', [2, 2]);
  graph.output('y', graph.matmul(x, x));
  await expect(createSession(graph, { device: { cuda: 0 }, compute: 'bfloat16' })).rejects.toMatchObject({
    code: 'cuda',
    message: expect.stringMatching(/^GPU 0 cannot be used: .*doctor --device cuda/s) as string,
  });
});

test('devices have names, and each worker a GPU of its own', () => {
  expect(['cpu', undefined, 'cuda', 'cuda:3'].map((name) => deviceOf(name))).toEqual([
    'cpu',
    'cpu',
    { cuda: 0 },
    { cuda: 3 },
  ]);
  expect(deviceOfWorker({ cuda: 2 }, 1)).toEqual({ cuda: 3 });
  expect(deviceOfWorker('cpu', 1)).toBe('cpu');
});
