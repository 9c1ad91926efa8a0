import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { limits } from '../../shared/limits.ts';
import { chooseWorkers } from './choose-workers.ts';

let folder = '';
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'lorary-workers-'))));
afterAll(() => rm(folder, { recursive: true }));

/** A driver's tool that lists so many GPUs. */
async function toolOf(count: number): Promise<string> {
  const path = join(folder, `tool-${count}`);
  await writeFile(path, `#!/bin/sh\nseq 0 ${count - 1}\n`);
  await chmod(path, 0o755);
  return path;
}

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
  expect(await chooseWorkers({ device: 'cuda' }, join(folder, 'none'))).toBe(1);
});
