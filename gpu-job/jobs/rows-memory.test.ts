import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../test/support/rows-peak.ts', import.meta.url));

/** Bytes at the peak of a process that trains on so many megabytes of rows. */
async function peakOf(megabytes: number): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program, String(megabytes)]);
  return Number(stdout);
}

// in memory, a row of 43 bytes took 1,800: eight megabytes 330 million bytes more than one
test('a run on eight times the rows takes no more memory than some bytes a row', { timeout: 120_000 }, async () => {
  const [small, large] = await Promise.all([peakOf(1), peakOf(8)]);
  expect(large - small).toBeLessThan(80e6);
});
