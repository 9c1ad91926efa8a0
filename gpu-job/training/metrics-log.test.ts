import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openMetricsLog } from './metrics-log.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-metrics-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('lines beyond what a checkpoint knew are cut off, half lines too', async () => {
  const path = join(folder, 'metrics.jsonl');
  const first = await openMetricsLog(path, 0);
  await first.append({ step: 1, evalLoss: 2, evalTokenAccuracy: 0.5 });
  const length = await first.flush();
  await first.append({ step: 2, prompt: 'é', sample: 'x' });
  await first.close();
  await writeFile(path, '{"step":3,"los', { flag: 'a' });
  const second = await openMetricsLog(path, length);
  await second.append({ step: 2, evalLoss: 1, evalTokenAccuracy: 0.6 });
  expect(await second.flush()).toBe(2 * length);
  await second.close();
  expect(await readFile(path, 'utf8')).toBe(
    '{"step":1,"evalLoss":2,"evalTokenAccuracy":0.5}\n{"step":2,"evalLoss":1,"evalTokenAccuracy":0.6}\n',
  );
});

test('a file that is shorter than the checkpoint knew is refused', async () => {
  await expect(openMetricsLog(join(folder, 'metrics.jsonl'), 1)).rejects.toThrow('has 0 bytes, but the checkpoint');
});
