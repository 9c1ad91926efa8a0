import type { ColumnMatrix } from '../combine/low-rank.ts';

/** The first `columns` columns of the identity of `rows` rows. */
export function leading(rows: number, columns: number): ColumnMatrix {
  const data = new Float64Array(rows * columns);
  for (let i = 0; i < columns; i++) data[i * rows + i] = 1;
  return { rows, columns, data };
}

/** The values row after row. */
export function rowMajor({ rows, columns, data }: ColumnMatrix): Float32Array {
  const values = new Float32Array(rows * columns);
  for (let column = 0; column < columns; column++)
    for (let row = 0; row < rows; row++) values[row * columns + column] = data[column * rows + row] as number;
  return values;
}
