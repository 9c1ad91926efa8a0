import type { Nf4Packing } from './packing.ts';

/** Name of the tensor, after that of the weight, whose bytes are JSON that says how the weight is packed. */
export const quantStateSuffix = '.quant_state.bitsandbytes__nf4';

/** How bitsandbytes has packed a weight. */
export interface QuantState {
  readonly packing: Nf4Packing;
  readonly shape: readonly [number, number];
}

/**
 * Reads the state of a weight; a text says what is wrong with it. The table of values is that of NF4 by name and is not read.
 * Source: bitsandbytes, `functional.py` (`QuantState.as_dict`, `from_dict`).
 */
export function parseQuantState(bytes: Uint8Array): QuantState | string {
  let state: unknown;
  try {
    state = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return 'is not JSON';
  }
  if (typeof state !== 'object' || state === null) return 'is no JSON object';
  const {
    quant_type: type,
    blocksize,
    shape,
    nested_blocksize: nestedBlockSize,
    nested_offset: offset,
  } = state as Readonly<Record<string, unknown>>;
  if (type !== 'nf4') return `is of the type ${JSON.stringify(type)}; only nf4 is known`;
  const [rows, columns] = Array.isArray(shape) && shape.length === 2 ? (shape as unknown[]) : [];
  if (!isSize(rows) || !isSize(columns)) return `its shape is ${JSON.stringify(shape)}, which is no matrix`;
  if (!isSize(blocksize) || blocksize % 4 !== 0) return `its block size is ${JSON.stringify(blocksize)}`;
  const packing = { kind: 'nf4', blockSize: blocksize } as const;
  if (nestedBlockSize === undefined) return { packing, shape: [rows, columns] };
  if (!isSize(nestedBlockSize) || typeof offset !== 'number') return 'its nested scales are not described';
  return { packing: { ...packing, nested: { blockSize: nestedBlockSize, offset } }, shape: [rows, columns] };
}

/** The same state as bitsandbytes writes it. `dtype`: torch's name of the type that the weight had. */
export function encodeQuantState({ packing, shape }: QuantState, dtype: string): Uint8Array {
  const { blockSize, nested } = packing;
  const state = {
    quant_type: 'nf4',
    blocksize: blockSize,
    dtype,
    shape,
    ...(nested ? { nested_blocksize: nested.blockSize, nested_dtype: 'float32', nested_offset: nested.offset } : {}),
  };
  return new TextEncoder().encode(JSON.stringify(state));
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
