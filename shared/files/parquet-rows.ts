import {
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
  type AsyncBuffer,
  type FileMetaData,
} from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { DomainError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { ByteSource } from '../formats/bytes.ts';
import { rowLine, type TextLine } from '../formats/jsonl.ts';

/**
 * The rows of a Parquet file as JSON objects, of which `columns` are read where the file has one of them, else all. Null fields are left
 * out, since a column of structs has every key in every row. Memory is bounded by the largest row group allowed. Throws
 * `DomainError('parquet')` when the file cannot be read.
 */
export async function* readParquetRows(
  source: ByteSource,
  { columns, groupBytesMax = limits.parquetGroupBytesMax }: ParquetOptions,
): AsyncGenerator<TextLine> {
  const file = asyncBuffer(source);
  const metadata = await readable(source, () => parquetMetadataAsync(file, { geoparquet: false }));
  const wanted = await readable(source, () => wantedColumns(metadata, columns));
  await readable(source, () => checkGroups(source, metadata, wanted, groupBytesMax));
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const range = { file, metadata, columns: wanted, rowStart, rowEnd, compressors, geoparquet: false };
    const rows = await readable(source, () => parquetReadObjects(range));
    for (const row of rows) yield rowLine(row, plainValue);
    rowStart = rowEnd;
  }
}

export interface ParquetOptions {
  readonly columns: readonly string[];
  /** Bytes of one row group once it is unpacked, the wanted columns alone. */
  readonly groupBytesMax?: number;
}

function wantedColumns(metadata: FileMetaData, columns: readonly string[]): string[] {
  const there = parquetSchema(metadata).children.map(({ element }) => element.name);
  const known = there.filter((name) => columns.includes(name));
  return known.length > 0 ? known : there;
}

function checkGroups(
  { name }: ByteSource,
  { row_groups: groups }: FileMetaData,
  wanted: readonly string[],
  bytesMax: number,
): void {
  for (const [i, { columns }] of groups.entries()) {
    let bytes = 0;
    for (const { meta_data: column } of columns)
      if (column && wanted.includes(column.path_in_schema[0] ?? '')) bytes += Number(column.total_uncompressed_size);
    if (bytes > bytesMax)
      throw new DomainError(
        'parquet',
        `Row group ${i + 1} of ${name} has ${bytes} bytes unpacked, more than ${bytesMax}: write the file with smaller row groups (pyarrow: row_group_size=10000).`,
      );
  }
}

function plainValue(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  return value === null ? undefined : value;
}

function asyncBuffer(source: ByteSource): AsyncBuffer {
  return {
    byteLength: source.sizeBytes,
    async slice(start, end = source.sizeBytes) {
      const bytes = await source.read(start, end - start);
      return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer; // never shared
    },
  };
}

/** The library throws plain errors and range errors for whatever is wrong with a file. */
async function readable<T>({ name }: ByteSource, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof DomainError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DomainError('parquet', `${name} cannot be read as Parquet: ${reason}`, { cause: error });
  }
}
