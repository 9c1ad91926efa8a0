import type { Packing } from '../../shared/formats/packing.ts';
import type { TensorEntry } from '../../shared/formats/safetensors-header.ts';

/** A tensor of a checkpoint and the file that holds it. */
export interface CheckpointTensor extends TensorEntry {
  /** File name within the folder. */
  readonly file: string;
  /** How its values are packed, where they are: shape and name are then those of the matrix, place and type those of its codes. */
  readonly packed?: PackedWeight;
}

/** A matrix that is stored in few bits a value. */
export interface PackedWeight {
  readonly packing: Packing;
  /** Codes, scales, and what else there is: see `Packing`. */
  readonly parts: readonly CheckpointTensor[];
}
