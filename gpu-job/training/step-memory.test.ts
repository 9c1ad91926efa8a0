import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../test/support/step-peak.ts', import.meta.url));

/** Bytes by which a process grows in a step: of its own, because a peak is never forgotten. */
async function peakOf(mode: 'fast' | 'lean' | 'unordered'): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program, mode]);
  return Number(stdout);
}

// 600 MB of activations and 50 MB of weights. Lean: one layer at a time, the weights as they are read, what every process takes.
let fast: number;
beforeAll(async () => void (fast = await peakOf('fast')));

test('a lean step takes less than half the memory', async () => {
  expect(await peakOf('lean')).toBeLessThan(0.45 * fast);
});

test('computing again saves nothing where the runtime is not told when', async () => {
  expect(await peakOf('unordered')).toBeGreaterThan(0.8 * fast);
});
