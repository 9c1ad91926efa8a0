import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test as always } from 'vitest';
import { canCallOrtApi } from '../../gpu-job/runtime/ort-api.ts';
import { DomainError } from '../../shared/errors.ts';
import { benchGpu, isSound, type GpuBench } from './bench-gpu.ts';
import { withGpuTable } from './gpu-table.ts';
import { primitiveCases } from './primitive-cases.ts';

const test = always.skipIf(!canCallOrtApi());
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-bench-gpu-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('a dry run goes through all of it, and every primitive is within its bound', async () => {
  const result = await benchGpu({ dry: true, folder, peer: false });
  for (const [compute, check] of Object.entries(result.primitives))
    expect([compute, check.failures]).toEqual([compute, []]);
  expect(isSound(result)).toBe(true);
  // products are rounded, so the types are told apart
  expect(result.primitives.bfloat16?.worst).toBeGreaterThan(1e-3);
  expect(result.primitives.float16?.worst).toBeGreaterThan(1e-4);
  expect(result.curve.differences.bfloat16).toBeGreaterThan(result.curve.differences.float32 ?? 0);
  expect(result.curve.differences.float32).toBeLessThan(1e-5);
  for (const speed of Object.values(result.speeds))
    expect(speed).toMatchObject({ tokensPerSecond: expect.any(Number) as number });
  expect(Object.keys(result.speeds)).toEqual(['toy 1x32', 'toy 2x16']);
  expect(() => withGpuTable('', result)).toThrow(DomainError);
});

test('a primitive that computes something else on the device fails the run, and is named', async () => {
  // the second graph that is written of a case is the device's
  let written = 0;
  const { inputs, build } = primitiveCases.Add;
  const wrong: typeof primitiveCases.Add = {
    inputs,
    build: (graph, given) => {
      const sum = build(graph, given);
      return written++ % 2 === 0 ? sum : graph.mul(sum, 1.0001);
    },
  };
  const result = await benchGpu({ dry: true, folder, peer: false, cases: { Add: wrong } });
  expect(result.primitives.float32?.failures).toEqual([expect.stringContaining('Add')]);
  expect(isSound(result)).toBe(false);
});

always('the table of the page is that of the last measurement, or says that there was none', async () => {
  const page = await readFile('docs/performance.md', 'utf8');
  const unmeasured = withGpuTable(page, undefined);
  if (page.includes('Unmeasured: no card')) expect(unmeasured).toBe(page);
  const speed = { tokensPerSecond: 9000, stepSeconds: 0.2, peakBytes: 12e9, gemmFraction: 0.41, recompute: false };
  const versions = { torch: '2.9' };
  const peer = {
    seconds: 0.3,
    allocatedBytes: 1,
    reservedBytes: 14e9,
    versions,
    mode: 'compile' as const,
    tokensPerSecond: 6000,
  };
  const result: GpuBench = {
    bench: 'gpu',
    dry: false,
    date: '2027-01-01',
    card: { name: 'Some card', driver: '580.1', memoryBytes: 24e9, computeCapability: 8.6 },
    runtime: '1.30.0',
    compute: 'bfloat16',
    primitives: {},
    curve: { steps: 30, differences: { float32: 1e-6 } },
    gemmFlops: 6e13,
    speeds: { '1.5B 1x2048': speed, '8B 1x2048': 'out of memory' },
    peers: { '1.5B 1x2048': peer },
  };
  const filled = withGpuTable(page, result);
  expect(filled).toMatch(
    /Some card, 2027-01-01, driver 580\.1, onnxruntime 1\.30\.0, torch 2\.9; products in bfloat16, 60 TFLOP/,
  );
  expect(filled).toMatch(
    /\| 1\.5B +\| 1x2048 \| 9000 +\| 6000 \(compile\) +\| 1\.50 +\| 12\.0 GB +\| 14\.0 GB +\| 0\.41/,
  );
  expect(filled).toMatch(/\| 8B +\| 1x2048 \| does not run +\| unmeasured/);
  expect(withGpuTable(filled, undefined)).toBe(unmeasured);
  expect(() => withGpuTable('no marks', result)).toThrow('no place for the table');
  expect(() => withGpuTable(page, { ...result, dry: true })).toThrow('no measurement');
});
