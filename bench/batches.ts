/** What of the tokens that go through the model is padding, for some distributions of lengths, and what it takes to make batches. */
import { join } from 'node:path';
import { openBaseText, openRows } from '../gpu-job/jobs/base-text.ts';
import {
  batchLengthUnit,
  inputLength,
  makeBatches,
  type BatchShape,
  type TokenRow,
} from '../gpu-job/training/batches.ts';
import { planRun } from '../gpu-job/training/epochs.ts';
import { uniform } from '../test/support/random-base.ts';

const stepRows = 16;
const shape: BatchShape = { microBatchTokens: 1024, packing: true, packTokens: 128, lengthMax: 2048 };

export async function benchBatches(): Promise<Record<string, unknown>> {
  const text = await openBaseText(join('examples', 'tiny-base'));
  const example = async (name: string): Promise<readonly TokenRow[]> => {
    const path = join('examples', 'datasets', name, 'train.jsonl');
    const rows: TokenRow[] = [];
    const options = { contextMax: shape.lengthMax, longRows: 'refuse' } as const;
    await text.readRows(await openRows(path), options, (read) => void rows.push(...read));
    return rows;
  };
  const sets = {
    'noun-classes': await example('noun-classes'),
    pronunciation: await example('pronunciation'),
    'instructions, log-normal around 150': logNormalRows(150, 0.9),
    'conversations, log-normal around 600': logNormalRows(600, 0.8),
  };
  await text.close();
  return {
    bench: 'batches',
    shape: `steps of ${stepRows} rows, ${shape.microBatchTokens} tokens at once, packed up to ${shape.packTokens}`,
    unit: 'percent of the tokens that go through the model are padding; milliseconds to make the batches of a step',
    ...Object.fromEntries(Object.entries(sets).map(([name, rows]) => [name, figuresOf(rows)])),
  };
}

function figuresOf(rows: readonly TokenRow[]): Record<string, number> {
  const lengths = rows.map(inputLength);
  const plan = planRun(lengths, { size: { rows: stepRows }, length: { epochs: 1 }, seed: 1 });
  const steps = Array.from({ length: plan.steps }, (_, step) => plan.stepAt(step).rows);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const paddingOf = (through: number): number => Number((100 * (1 - tokens / through)).toFixed(1));
  const throughOf = (packing: boolean): number =>
    steps
      .flatMap((step) => makeBatches(rows, step, { ...shape, packing }))
      .reduce((sum, batch) => sum + batch.rows * batch.length, 0);
  const inOrder = steps.reduce((sum, step) => sum + tokensInOrder(Array.from(step, (row) => lengths[row] ?? 0)), 0);
  const started = performance.now();
  const packed = throughOf(true);
  return {
    'in the order given': paddingOf(inOrder),
    'a sequence for each row': paddingOf(throughOf(false)),
    packed: paddingOf(packed),
    milliseconds: Number(((performance.now() - started) / steps.length).toFixed(2)),
  };
}

/** The plain way: rows are taken as they come, as many as fit, and padded to the longest of them. */
function tokensInOrder(lengths: readonly number[]): number {
  let [through, count, longest] = [0, 0, 0];
  for (const length of lengths) {
    const padded = Math.max(longest, batchLengthUnit * Math.ceil(length / batchLengthUnit));
    if ((count + 1) * padded > shape.microBatchTokens && count > 0) {
      through += count * longest;
      [count, longest] = [0, 0];
    }
    count++;
    longest = Math.max(longest, batchLengthUnit * Math.ceil(length / batchLengthUnit));
  }
  return through + count * longest;
}

function logNormalRows(median: number, spread: number): TokenRow[] {
  const random = uniform(7);
  return Array.from({ length: 4000 }, () => {
    // Box-Muller
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const length = Math.min(shape.lengthMax, Math.max(4, Math.round(median * Math.exp(spread * normal))));
    return { tokens: new Int32Array(length + 1), trained: new Uint8Array(length + 1).fill(1) };
  });
}
