import type { Finding } from '../errors.ts';
import type { TextLine } from '../formats/jsonl.ts';
import type { ParquetOptions } from './parquet-rows.ts';

/** To the process that reads: a file to read, bytes of it that it wanted, or that the lines before were taken. */
export type ToParquetReader =
  | { readonly file: { readonly name: string; readonly sizeBytes: number }; readonly options: ParquetOptions }
  | { readonly want: number; readonly bytes: Uint8Array }
  | { readonly more: true };

/** From it: that it has started; what it wants of the file, lines, or the end: all of them, a refusal, or an error of ours. */
export type FromParquetReader =
  | { readonly ready: true }
  | { readonly want: number; readonly offset: number; readonly lengthBytes: number }
  | { readonly lines: readonly TextLine[] }
  | { readonly end: true }
  | { readonly refused: { readonly code: string; readonly message: string; readonly findings: readonly Finding[] } }
  | { readonly broken: string };
