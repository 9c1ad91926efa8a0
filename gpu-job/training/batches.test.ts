import fc from 'fast-check';
import { expect, test } from 'vitest';
import { batchLengthUnit, inputLength, labelCount, makeBatches, type Batch, type TokenRow } from './batches.ts';

/** Rows whose tokens are all different, so that a label tells which row and place it came from. */
const rowsOf = (shapes: readonly (readonly boolean[])[]): TokenRow[] => {
  let next = 0;
  return shapes.map((trained) => ({
    tokens: Int32Array.from(trained, () => ++next),
    trained: Uint8Array.from(trained, Number),
  }));
};
const anyRows = fc
  .array(fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 30 })
  .map(rowsOf);
const anyShape = fc.record({
  microBatchTokens: fc.integer({ min: 1, max: 400 }),
  packing: fc.boolean(),
  packTokens: fc.integer({ min: 1, max: 80 }),
  lengthMax: fc.integer({ min: 40, max: 100 }),
});

/** Every (context, label) pair of a batch: a label and the tokens of its own segment up to it. */
function pairs(batch: Batch): string[] {
  const found: string[] = [];
  for (let row = 0; row < batch.rows; row++) {
    for (let i = 0; i < batch.length; i++) {
      const at = row * batch.length + i;
      if (batch.labels[at] === -100n) continue;
      const context: bigint[] = [];
      for (let j = 0; j <= i; j++) {
        const other = row * batch.length + j;
        if (batch.segments[other] === batch.segments[at]) {
          expect(batch.positions[other]).toBe(BigInt(context.length));
          context.push(batch.inputIds[other] ?? -1n);
        }
      }
      found.push(`${context.join(' ')} -> ${batch.labels[at]}`);
    }
  }
  return found;
}

const expectedPairs = (rows: readonly TokenRow[]): string[] =>
  rows.flatMap(({ tokens, trained }) =>
    Array.from(tokens, (token, i) =>
      i > 0 && trained[i] === 1 ? [`${tokens.subarray(0, i).join(' ')} -> ${token}`] : [],
    ).flat(),
  );

const all = (rows: readonly TokenRow[]): number[] => rows.map((_, i) => i);

test('every label of every row appears exactly once, after its own row only, packed or not', () => {
  fc.assert(
    fc.property(anyRows, anyShape, (rows, shape) => {
      const batches = makeBatches(rows, all(rows), shape);
      expect(batches.flatMap(pairs).toSorted()).toEqual(expectedPairs(rows).toSorted());
      for (const batch of batches)
        expect(batch.labelCount).toBe(batch.labels.reduce((count, label) => count + (label === -100n ? 0 : 1), 0));
    }),
  );
});

test('a batch holds the tokens it was allowed, and more only for one sequence that is longer', () => {
  fc.assert(
    fc.property(anyRows, anyShape, (rows, shape) => {
      for (const { rows: count, length } of makeBatches(rows, all(rows), shape)) {
        expect(length % batchLengthUnit).toBe(0);
        expect(length).toBeLessThan(shape.lengthMax + batchLengthUnit); // padding may go beyond the context
        if (count > 1) expect(count * length).toBeLessThanOrEqual(shape.microBatchTokens);
      }
    }),
  );
});

test('sources say where each row lies, once for every row that has a label', () => {
  fc.assert(
    fc.property(anyRows, anyShape, (rows, shape) => {
      const seen: number[] = [];
      for (const batch of makeBatches(rows, all(rows), shape))
        for (const { row, batchRow, start, length } of batch.sources) {
          seen.push(row);
          const from = batchRow * batch.length + start;
          const tokens = Array.from(rows[row]?.tokens ?? []).slice(0, length);
          expect(Array.from(batch.inputIds.slice(from, from + length), Number)).toEqual(tokens);
        }
      expect(seen.toSorted((a, b) => a - b)).toEqual(
        all(rows).filter((row) => labelCount(rows[row] as TokenRow) > 0), // an index of rows
      );
    }),
  );
});

test('packing fills sequences, and without it every row has its own', () => {
  const rows = rowsOf(Array.from({ length: 12 }, () => Array.from({ length: 11 }, () => true)));
  const shape = { microBatchTokens: 1000, packTokens: 64, lengthMax: 64 };
  const [packed] = makeBatches(rows, all(rows), { ...shape, packing: true });
  expect([packed?.rows, packed?.length]).toEqual([2, 64]);
  const [padded] = makeBatches(rows, all(rows), { ...shape, packing: false });
  expect([padded?.rows, padded?.length]).toEqual([12, 16]);
});

test('tokens after the last label do not go through the model', () => {
  const [row] = rowsOf([[true, false, true, true, false, false]]) as [TokenRow];
  expect(inputLength(row)).toBe(3);
  expect(labelCount(row)).toBe(2);
  const [untrained] = rowsOf([[true, false, false]]) as [TokenRow];
  expect(inputLength(untrained)).toBe(0);
});
