import type { Finding } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import type { FileDigest } from '../folders/hashes.ts';
import type { MergeDtype } from './merge-plan.ts';
import type { TensorCheck, Verification } from './verify-merged.ts';

/** What `merge.json` holds: what was merged and how the check of the written files came out. The same inputs give the same bytes. */
export interface MergeReport {
  readonly kind: 'merge';
  readonly base: { readonly name: string; readonly files: Readonly<Record<string, FileDigest>> };
  readonly adapter: {
    readonly name: string;
    readonly base_model_name_or_path: string | null;
    readonly r: number;
    readonly lora_alpha: number;
    readonly use_rslora: boolean;
    /** Absent: false. */
    readonly use_dora?: true;
    readonly files: Readonly<Record<string, FileDigest>>;
  };
  readonly dtype: MergeDtype;
  /** `effective modules N of M`. */
  readonly summary: string;
  /** Whether the output embedding got a tensor of its own. */
  readonly unties: boolean;
  readonly check: MergeCheck;
  /** Digests of the written weight files. */
  readonly files: Readonly<Record<string, FileDigest>>;
  readonly warnings: readonly Finding[];
}

export interface MergeCheck extends RoundingFigures {
  readonly copied: number;
  readonly converted: number;
  readonly updated: number;
  readonly tensors: readonly TensorReport[];
}

/** How much of an update is left in the stored values; null where there is no update. */
export interface RoundingFigures {
  /** |W' - W| / |scaling * B @ A| in the Frobenius norm. */
  readonly survived: number | null;
  /** |(W' - W) - scaling * B @ A| / |scaling * B @ A|. Includes the rounding of W itself where its type became narrower. */
  readonly roundingError: number | null;
}

export interface TensorReport extends RoundingFigures {
  readonly name: string;
  /** Largest |W' - (W + scaling * B @ A)|, and what rounding allows at that value. */
  readonly maxError: number;
  readonly bound: number;
}

export function mergeCheck({ tensors, copied }: Verification): MergeCheck {
  const updated = tensors.filter((tensor) => tensor.updated);
  return {
    copied,
    converted: tensors.length - updated.length,
    updated: updated.length,
    ...roundingFigures(updated),
    tensors: tensors.map((tensor) => ({
      name: tensor.name,
      maxError: tensor.maxError,
      bound: tensor.bound,
      ...roundingFigures(tensor.updated ? [tensor] : []),
    })),
  };
}

function roundingFigures(tensors: readonly TensorCheck[]): RoundingFigures {
  const total = (key: 'update' | 'change' | 'lost'): number => tensors.reduce((sum, tensor) => sum + tensor[key], 0);
  const update = total('update');
  if (update === 0) return { survived: null, roundingError: null };
  return { survived: Math.sqrt(total('change') / update), roundingError: Math.sqrt(total('lost') / update) };
}

/** A warning when rounding ate or bent too much of the update. */
export function roundingFindings(check: MergeCheck, dtype: MergeDtype): Finding[] {
  const { survived, roundingError } = check;
  if (survived === null || roundingError === null || roundingError <= limits.mergeRoundingWarning) return [];
  const percent = (value: number): string => `${(100 * value).toFixed(1)}%`;
  const message = `Rounding to the stored type (${dtype}) changed the update by ${percent(roundingError)}: its length is now ${percent(survived)} of what it was. Write f32 to keep it whole.`;
  return [{ severity: 'warning', code: 'merge-rounding', message, where: 'dtype' }];
}
