import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GraphBuilder } from '../graph/builder.ts';
import { chooseCompute } from './choose-compute.ts';
import { deviceOf, deviceOfWorker } from './device.ts';
import { createSession } from './session.ts';

let folder = '';
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'lorary-compute-'))));
afterAll(() => rm(folder, { recursive: true }));

/** A driver's tool that says this of the GPU it is asked for. */
async function toolThatSays(answer: string): Promise<string> {
  const path = join(folder, `tool-${answer}`);
  await writeFile(path, `#!/bin/sh\n[ "$1" = --id=1 ] && echo '${answer}'\n`);
  await chmod(path, 0o755);
  return path;
}

test('the processor multiplies float32 unless it is told otherwise', async () => {
  expect(await chooseCompute('auto', 'cpu', join(folder, 'nowhere'))).toBe('float32');
  expect(await chooseCompute('bfloat16', 'cpu', join(folder, 'nowhere'))).toBe('bfloat16');
});

test('a GPU multiplies bfloat16 from compute capability 8.0 on, else float16, or what was asked for', async () => {
  const second = deviceOf('cuda:1');
  expect(await chooseCompute('auto', second, await toolThatSays('8.0'))).toBe('bfloat16');
  expect(await chooseCompute('auto', second, await toolThatSays('9.0'))).toBe('bfloat16');
  expect(await chooseCompute('auto', second, await toolThatSays('7.5'))).toBe('float16');
  expect(await chooseCompute('float32', second, join(folder, 'nowhere'))).toBe('float32');
  await expect(chooseCompute('bfloat16', second, await toolThatSays('7.5'))).rejects.toThrow(
    'GPU 1 has compute capability 7.5 and no products of bfloat16, which begin with 8.0: take float16 or float32.',
  );
});

test('a GPU that is not there is told with what to do', async () => {
  await expect(chooseCompute('auto', { cuda: 0 }, join(folder, 'nowhere'))).rejects.toThrow(
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
