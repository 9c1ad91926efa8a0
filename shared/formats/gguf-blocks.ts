import { DomainError, invariant } from '../errors.ts';
import { float16Value } from './half.ts';
import type { BlockPacking } from './packing.ts';

/** Storage types whose blocks become packed weights as they are, value by value. */
const layouts: Readonly<Record<string, { readonly packing: BlockPacking; readonly blockBytes: number }>> = {
  Q4_0: { packing: { kind: 'blocks', blockSize: 32, bits: 4, offset: 8 }, blockBytes: 18 },
  Q4_1: { packing: { kind: 'blocks', blockSize: 32, bits: 4, offset: 'mins' }, blockBytes: 20 },
  Q8_0: { packing: { kind: 'blocks', blockSize: 32, bits: 8, offset: 0 }, blockBytes: 34 },
};

/** How a GGUF storage type is packed; undefined where its blocks are of another kind. */
export function ggufPacking(type: string): BlockPacking | undefined {
  return Object.hasOwn(layouts, type) ? layouts[type]?.packing : undefined;
}

export interface GgufBlocks {
  readonly codes: Uint8Array;
  /** float16, little-endian. */
  readonly scales: Uint8Array;
  readonly mins: Uint8Array | undefined;
}

/**
 * Takes the blocks of a tensor apart: a block is its scale, its minimum in Q4_1, and its codes, which stand in the order of packed weights
 * already. Throws `DomainError('gguf-values')` for scales that are no finite numbers. Source: ggml, `ggml-common.h`.
 */
export function splitGgufBlocks(type: string, bytes: Uint8Array): GgufBlocks {
  const layout = layouts[type];
  invariant(layout && bytes.length % layout.blockBytes === 0, `whole blocks of ${type}`);
  const { blockBytes, packing } = layout;
  const blocks = bytes.length / blockBytes;
  const head = packing.offset === 'mins' ? 4 : 2;
  const codes = new Uint8Array(blocks * (blockBytes - head));
  const scales = new Uint8Array(blocks * 2);
  const mins = packing.offset === 'mins' ? new Uint8Array(blocks * 2) : undefined;
  for (let block = 0; block < blocks; block++) {
    const at = block * blockBytes;
    scales.set(bytes.subarray(at, at + 2), block * 2);
    mins?.set(bytes.subarray(at + 2, at + 4), block * 2);
    codes.set(bytes.subarray(at + head, at + blockBytes), block * (blockBytes - head));
    for (let i = 0; i < head; i += 2)
      if (!Number.isFinite(float16Value((bytes[at + i] as number) | ((bytes[at + i + 1] as number) << 8))))
        throw new DomainError('gguf-values', `block ${block} has a scale that is no finite number`);
  }
  return { codes, scales, mins };
}
