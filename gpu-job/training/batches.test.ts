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

test('a long row does not make short ones long: they are packed up to packTokens beside it', () => {
  const rows = rowsOf([400, 40, 40, 40, 40, 40, 40].map((length) => Array.from({ length: length + 1 }, () => true)));
  const shape = { microBatchTokens: 1024, packing: true, packTokens: 128, lengthMax: 512 };
  const shapes = makeBatches(rows, all(rows), shape).map((batch) => [batch.rows, batch.length]);
  expect(shapes).toEqual([
    [1, 400],
    [2, 128],
  ]);
});

test('sequences of like length go together, and few of them are not torn apart', () => {
  const lengths = [500, 497, 30, 28, 26, 24];
  const rows = rowsOf(lengths.map((length) => Array.from({ length: length + 1 }, () => true)));
  const shape = { microBatchTokens: 1024, packing: false, packTokens: 1, lengthMax: 512 };
  const shapes = makeBatches(rows, all(rows), shape).map((batch) => [batch.rows, batch.length]);
  expect(shapes).toEqual([
    [2, 512],
    [4, 32],
  ]);
});

test('where batches are cut does not depend on the order in which rows are given', () => {
  fc.assert(
    fc.property(anyRows, anyShape, fc.infiniteStream(fc.nat()), (rows, shape, keys) => {
      const order = all(rows);
      const keyOf = new Map(order.map((row) => [row, keys.next().value as number]));
      const shuffled = order.toSorted((a, b) => (keyOf.get(a) ?? 0) - (keyOf.get(b) ?? 0));
      const shapesOf = (indices: readonly number[]) =>
        makeBatches(rows, indices, shape).map((batch) => [batch.rows, batch.length]);
      expect(shapesOf(shuffled)).toEqual(shapesOf(order));
    }),
  );
});

test('no other way to cut some sequences is cheaper', () => {
  // every way to cut up to seven sequences into runs of neighbours
  const lengths = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 7 });
  const costOf = (shapes: readonly (readonly [number, number])[]): number =>
    shapes.reduce((sum, [rows, length]) => sum + 32 + rows * length * (1 + length / 2500), 0);
  fc.assert(
    fc.property(lengths, fc.integer({ min: 16, max: 1200 }), (given, microBatchTokens) => {
      const rows = rowsOf(given.map((length) => Array.from({ length: length + 1 }, () => true)));
      const shape = { microBatchTokens, packing: false, packTokens: 1, lengthMax: 300 };
      const made = makeBatches(rows, all(rows), shape).map((batch) => [batch.rows, batch.length] as const);
      const sorted = given.toSorted((a, b) => b - a);
      for (let cuts = 0; cuts < 2 ** (given.length - 1); cuts++) {
        const shapes: [number, number][] = [];
        for (const [i, length] of sorted.entries()) {
          const last = shapes.at(-1);
          if (last && (cuts >> (i - 1)) % 2 === 0) last[0]++;
          else shapes.push([1, batchLengthUnit * Math.ceil(length / batchLengthUnit)]);
        }
        const fits = shapes.every(([count, length]) => count === 1 || count * length <= microBatchTokens);
        if (fits) expect(costOf(made)).toBeLessThanOrEqual(costOf(shapes) + 1e-9);
      }
    }),
  );
});
