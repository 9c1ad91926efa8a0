import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { breakEven } from './break-even.ts';
import { awsPrice } from './machine-prices.ts';

const gibibyte = 1024 ** 3;
const dollarsPerHour = (gigabytes: number): number =>
  awsPrice({ gpuMemoryBytes: gigabytes * gibibyte }).microDollarsPerHour / 1e6;

test('at the rate where they break even, a million tokens cost the same', () => {
  const [cheapest] = breakEven(1.5e9, 1.006);
  const seconds = 1e6 / (cheapest?.tokensPerSecond ?? 0);
  expect((seconds / 3600) * 1.006).toBeCloseTo(cheapest?.dollarsPerMillionTokens ?? NaN, 9);
});

test('nobody to be compared with: no rate', () => {
  expect(breakEven(200e9, 1)).toEqual([]);
});

test('the page tells the rates that follow from the prices', async () => {
  const page = await readFile('docs/performance.md', 'utf8');
  for (const gigabytes of [16, 24, 48, 80]) {
    const rates = [8e9, 70e9].map((parameters) => breakEven(parameters, dollarsPerHour(gigabytes))[0]);
    const cells = rates.map((rate) => (rate?.tokensPerSecond ?? 0).toFixed(0));
    expect(page).toMatch(new RegExp(`\\| ${gigabytes} GB +\\| .*\\| ${cells[0]} +\\| ${cells[1]} +\\|`));
  }
});
