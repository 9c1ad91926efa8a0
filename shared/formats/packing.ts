/**
 * How the values of a matrix are packed into few bits each, in blocks that share a scale. Its parts stand in this order wherever there is a
 * list of them: codes, scales, then zeros or minima, or, of scales that are packed too, their scales and the table of their values.
 */
export type Packing = BlockPacking | Nf4Packing;

/** Evenly spaced values: `scale * (code - zero)`, or `scale * code + min`. Blocks are consecutive values of a row. */
export interface BlockPacking {
  readonly kind: 'blocks';
  readonly blockSize: number;
  /** 4: codes of 0 to 15, two in a byte, that of the block's first half in the low bits (as in GGUF). 8: a signed byte each. */
  readonly bits: 4 | 8;
  /** A zero that all blocks have, or one for each block, or a minimum for each block. */
  readonly offset: number | 'zeros' | 'mins';
}

/** The 4-bit NormalFloat of QLoRA (Dettmers et al. 2023, arXiv 2305.14314): `nf4Values[code] * scale`. Blocks go on from row to row. */
export interface Nf4Packing {
  readonly kind: 'nf4';
  readonly blockSize: number;
  /** Where the scales are packed as well: `dynamic[byte] * nestedScale + offset`, with a nested scale for so many of them. */
  readonly nested?: { readonly blockSize: number; readonly offset: number };
}

/** `quant_method` of packed weights in the layout that is ours: see docs/formats.md. */
export const blocksMethod = 'lorary-blocks';

const packingNames = ['NF4', 'U4', 'Q4_0', 'Q4_1', 'Q8_0'] as const;
type PackingName = (typeof packingNames)[number];

/** Whether the element type of a base, in its record, is a packing. */
export function isPackingName(name: string): name is PackingName {
  return packingNames.some((known) => known === name);
}

/** In the words of those who name such things. */
export function packingName(packing: Packing): PackingName {
  if (packing.kind === 'nf4') return 'NF4';
  const { bits, offset } = packing;
  if (offset === 'zeros') return 'U4';
  return bits === 8 ? 'Q8_0' : offset === 'mins' ? 'Q4_1' : 'Q4_0';
}
