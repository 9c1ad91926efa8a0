import { expect, test } from 'vitest';
import { smolLm135Shape } from '../../test/support/random-base.ts';
import { plannedStep, planStep, type PlanSubject } from './plan-step.ts';
import { stepMemory } from './step-memory.ts';

/** SmolLM2-135M in float32, LoRA of rank 16, rows of up to 500 tokens. */
const subject: PlanSubject = {
  shape: smolLm135Shape,
  parameters: 134_515_008,
  weightBytes: 538e6,
  elementBytes: 4,
  packed: false,
  trained: 4_884_480,
  layerRank: 7 * 16,
  dropout: false,
  sessions: 1,
  longest: 500,
  packTokens: 128,
  microBatchTokens: 1024,
};

const GB = 1e9;

test('with memory enough everything is kept', () => {
  expect(planStep(subject, 16 * GB).chosen).toMatchObject({ memory: stepMemory.fast, microBatchTokens: 1024 });
});

test('with less and less memory, more is computed again and less goes through at once', () => {
  const sizes = [16, 4, 3, 1.5, 1.1].map((size) => size * GB);
  const chosen = sizes.map((size) => planStep(subject, size).chosen);
  for (const [i, plan] of chosen.entries()) expect(plan?.bytes, `plan ${i}`).toBeLessThan(sizes[i] ?? 0);
  expect(new Set(chosen.map((plan) => JSON.stringify(plan))).size).toBe(chosen.length);
  expect(chosen.at(-1)).toMatchObject({ memory: stepMemory.lean });
  expect(chosen.at(-1)?.microBatchTokens).toBeLessThan(1024);
});

test('where nothing fits, what the most frugal plan takes is told', () => {
  const { chosen, least } = planStep(subject, 0.5 * GB);
  expect(chosen).toBeUndefined();
  expect(least.bytes).toBeGreaterThan(0.5 * GB);
  expect(least).toMatchObject({ memory: stepMemory.lean, microBatchTokens: 512 });
});

test('long rows have their attention in blocks, short ones at once', () => {
  expect(planStep({ ...subject, longest: 4096 }, 64 * GB).chosen?.memory.attentionBlock).toBe(128);
  expect(planStep(subject, 64 * GB).chosen?.memory.attentionBlock).toBeUndefined();
});

test('other graphs that are open at once hold the weights once more', () => {
  const plan = { memory: stepMemory.fast, microBatchTokens: 1024 };
  const one = plannedStep(subject, plan).bytes;
  expect(plannedStep({ ...subject, sessions: 3 }, plan).bytes - one).toBeCloseTo(2 * 4 * subject.parameters, 0);
});

test('what is counted from the graph takes the place of the closed form', () => {
  const count = (): number => 10 * GB;
  expect(planStep(subject, 8 * GB, count).chosen).toBeUndefined();
});

test('every worker takes a graph, gradients and copies of the weights of its own; what is trained and its moments are there once', () => {
  const plan = { memory: stepMemory.fast, microBatchTokens: 1024 };
  const [one, two, three] = [1, 2, 3].map((workers) => plannedStep({ ...subject, workers }, plan).bytes);
  expect(one).toBe(plannedStep(subject, plan).bytes);
  expect((three ?? 0) - (two ?? 0)).toBeCloseTo((two ?? 0) - (one ?? 0), -1);
  expect(two).toBeLessThan(2 * (one ?? 0));
  const gradients = 2 * 4 * subject.trained;
  const copies = 2 * 4 * subject.parameters;
  expect((two ?? 0) - (one ?? 0)).toBeGreaterThan(gradients + copies);
  // where weights are read from their file, all read the same
  const lean = { memory: stepMemory.lean, microBatchTokens: 1024 };
  const alone = plannedStep(subject, lean).bytes;
  const more = plannedStep({ ...subject, workers: 2 }, lean).bytes - alone;
  expect(more).toBeLessThan(alone - subject.weightBytes);
});
