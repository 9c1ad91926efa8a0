import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test as always } from 'vitest';
import { trainSpecSchema, type TrainSpec } from '../../shared/contract/specs/train.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { rememberingContext } from '../../test/support/remembering-context.ts';
import { writeTinyBase } from '../../test/support/tiny-base.ts';
import { canCallOrtApi } from '../runtime/ort-api.ts';
import { runTrain } from './train.ts';

// koffi is optional: where it cannot be installed, nothing asks for it
const test = always.skipIf(!canCallOrtApi());
let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lorary-train-resident-'));
  await writeTinyBase(at('base'));
  const rows = Array.from({ length: 40 }, (_, i) => JSON.stringify({ prompt: `${i} cat:`, completion: ' meow' }));
  await writeFile(at('rows.jsonl'), rows.join('\n'));
});
afterAll(() => rm(folder, { recursive: true }));

const specOf = (output: string, given: object = {}): TrainSpec =>
  trainSpecSchema.parse({
    kind: 'train',
    base: at('base'),
    output: at(output),
    data: { train: at('rows.jsonl'), evalFraction: 0.1 },
    method: { kind: 'lora', config: { r: 2, lora_dropout: 0.1 } },
    steps: 8,
    batch: { rows: 12, packTokens: 48, microBatchTokens: 96 },
    optimizer: { learningRate: 0.02, loraPlusRatio: 4 },
    evaluation: { everySteps: 2 },
    threads: 1,
    state: 'device',
    ...given,
  });

test.each<[string, object]>([
  ['lora', {}],
  ['dora', { method: { kind: 'lora', config: { r: 2, use_dora: true } } }],
  ['pissa', { method: { kind: 'lora', config: { r: 2, init_lora_weights: 'pissa' } } }],
  ['full', { method: { kind: 'full' }, optimizer: { learningRate: 0.02 } }],
])('%s: what stays on the device learns what it learns on the host', async (name, given) => {
  const device = await runTrain(specOf(`${name}-device`, given), rememberingContext());
  const host = await runTrain(specOf(`${name}-host`, { ...given, state: 'host' }), rememberingContext());
  expect(device.evalLossBefore).toBe(host.evalLossBefore);
  expect(device.evalLoss).toBeLessThan((device.evalLossBefore ?? 0) - 0.1);
  // AdamW is in float32 there and in float64 here, and eight steps on
  expect(Math.abs((device.evalLoss ?? 0) / (host.evalLoss ?? 0) - 1)).toBeLessThan(1e-3);
});

test('stopped and gone on with, it comes to the bits of a run that was not, with its best weights', async () => {
  const given = { evaluation: { everySteps: 2, patience: 3 } };
  const steady = await runTrain(specOf('steady', given), rememberingContext());
  const spec = specOf('parted', given);
  for (let sitting = 0; sitting < 2; sitting++) {
    let done = 0;
    const emit = ({ type }: { type: string }): void => void (done += Number(type === 'step'));
    const context = { emit, stopRequested: () => done >= 3, now: () => performance.now() };
    await expect(runTrain(spec, context)).rejects.toThrow(UnavailableError);
  }
  const parted = await runTrain(spec, rememberingContext());
  const weights = 'adapter_model.safetensors';
  expect([parted.files[weights], parted.evalLoss]).toEqual([steady.files[weights], steady.evalLoss]);
  await expect(runTrain(specOf('steady', { ...given, state: 'host' }), rememberingContext())).rejects.toThrow(
    /exists already/,
  );
});

always('several workers meet on the host', () => {
  expect(() => specOf('x', { workers: 2 })).toThrow(/one worker/);
  expect(specOf('x', { workers: 1 }).state).toBe('device');
});

always('only where the C API is called can the runtime be told to repeat itself', () => {
  expect(() => specOf('x', { deterministic: true, state: 'host' })).toThrow(/deterministic.*needs state: device/s);
  expect(specOf('x', { deterministic: true }).deterministic).toBe(true);
  expect(specOf('x', { deterministic: false, state: 'host' }).deterministic).toBe(false);
});
