import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDemoOptions } from './demo-options.ts';
import { findBase } from './find-base.ts';
import { layoutTable } from './layout-table.ts';
import { bestStop } from './train-adapter.ts';
import { planTraining } from './training-plan.ts';

describe('parseDemoOptions', () => {
  it('takes two datasets, with or without their held-out rows', () => {
    const args = [
      '--data',
      'a',
      '--data',
      'b',
      '--held-out',
      'c',
      '--held-out',
      'd',
      '--json',
      '--base',
      'x',
      '--tokens',
      '9',
    ];
    expect(parseDemoOptions(args)).toMatchObject({
      data: ['a', 'b'],
      heldOut: ['c', 'd'],
      json: true,
      base: 'x',
      tokens: 9,
    });
    expect(parseDemoOptions([])).toMatchObject({ data: undefined, base: undefined, shuffleLabels: false });
  });

  it.each([
    [['--data', 'a'], /given 1 time;/],
    [['--data', 'a', '--data', 'b', '--data', 'c'], /given 3 times;/],
    [['--held-out', 'a', '--held-out', 'b'], /belongs to --data/],
    [['--tokens', '0'], /positive whole number/],
    [['--dta', 'a'], /--dta/],
    [['stray'], /stray/],
  ])('refuses %j', (args, message) => {
    expect(() => parseDemoOptions(args)).toThrow(message);
  });
});

describe('findBase', () => {
  it('finds a folder, and the snapshot that main points to in the local cache', async () => {
    const hub = await mkdtemp(join(tmpdir(), 'lorary-hub-'));
    const snapshot = join(hub, 'models--owner--name', 'snapshots', 'abc');
    await mkdir(snapshot, { recursive: true });
    await mkdir(join(hub, 'models--owner--name', 'refs'));
    await writeFile(join(hub, 'models--owner--name', 'refs', 'main'), 'abc\n');
    expect(await findBase(snapshot, {})).toBe(snapshot);
    expect(await findBase('owner/name', { HF_HUB_CACHE: hub })).toBe(snapshot);
    await expect(findBase('owner/other', { HF_HUB_CACHE: hub })).rejects.toThrow(/uses no network/);
    await expect(findBase('no such folder', {})).rejects.toThrow(/neither a folder nor/);
    await rm(hub, { recursive: true });
  });
});

describe('planTraining', () => {
  it('gives the base of this repository 200,000 tokens in some 400 steps', () => {
    const plan = planTraining({ parameters: 2_755_008, rows: 7000, tokens: 300_000 });
    expect(plan).toMatchObject({ trainTokens: 200_000, stepTokens: 500, learningRate: 2e-3, heldOutTokens: 40_000 });
  });

  it('reads a small dataset at most twelve times, and still takes fifty steps', () => {
    const plan = planTraining({ parameters: 2_755_008, rows: 50, tokens: 2000 });
    expect(plan.trainTokens).toBe(24_000);
    expect(plan.trainTokens / plan.stepTokens).toBeGreaterThan(50);
  });

  it('takes at least one row a step, and trains large models less and more gently', () => {
    const plan = planTraining({ parameters: 135_000_000, rows: 100, tokens: 90_000 });
    expect(plan.stepTokens).toBeGreaterThanOrEqual(900);
    expect(plan.trainTokens).toBeLessThan(30_000);
    expect(plan.learningRate).toBeCloseTo(2.86e-4, 5);
  });
});

describe('bestStop', () => {
  const evals = (losses: readonly number[]): { step: number; loss: number }[] =>
    losses.map((loss, i) => ({ step: i * 10, loss }));

  it('is where the loss was least, when it rose by more than 2% afterwards', () => {
    expect(bestStop(evals([5, 2, 1, 1.03]))).toBe(20);
    expect(bestStop(evals([5, 2, 1, 1.01]))).toBeUndefined();
    expect(bestStop(evals([5, 2, 1]))).toBeUndefined();
  });

  it('never is the start, and needs rows set aside', () => {
    expect(bestStop(evals([1, 2, 3]))).toBe(10);
    expect(bestStop(evals([1]))).toBeUndefined();
    expect(bestStop([])).toBeUndefined();
  });
});

describe('layoutTable', () => {
  it('puts names to the left and figures to the right', () => {
    expect(layoutTable([['model', 'loss'], ['base', '5.19'], ['x', '10.2']])).toEqual(['model  loss', 'base   5.19', 'x      10.2']); // prettier-ignore
    expect(layoutTable([['a', ''], ['b', '1']])).toEqual(['a', 'b  1']); // prettier-ignore
  });
});
