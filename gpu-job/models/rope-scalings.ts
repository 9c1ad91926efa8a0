import { usualYarnMagnitude, type RopeScaling } from '../nn/rotary.ts';
import type { EntryReader } from './entry-reader.ts';

export type RopeScalingName = 'default' | 'linear' | 'dynamic' | 'llama3' | 'yarn' | 'longrope';

/** What a rope is read with beside its keys. */
export interface RopeContext {
  /** Dimensions of a head that turn. */
  readonly headDim: number;
  readonly maxPositions: number;
  /** What the architecture takes where there is no `rope_theta`. */
  readonly theta?: number;
  /** The kinds of scaling that are known for the architecture. */
  readonly scalings?: readonly RopeScalingName[];
  /** `original_max_position_embeddings`, where the config has it outside of the scaling's entry. */
  readonly originalMaxPositions?: number;
  /** Keys of the entry that the architecture reads itself. */
  readonly ownKeys?: readonly string[];
}

interface ScalingReader {
  /** The keys of its entry, beside its name and `rope_theta`. */
  readonly keys: readonly string[];
  read(entry: EntryReader, context: RopeContext): RopeScaling;
}

/** One reader for each `rope_type`. Source: transformers, `modeling_rope_utils.py`. */
export const ropeScalings: Readonly<Record<RopeScalingName, ScalingReader>> = {
  default: { keys: [], read: () => ({ type: 'none' }) },
  linear: { keys: ['factor'], read: (entry) => ({ type: 'linear', factor: entry.positive('factor') }) },
  dynamic: { keys: ['factor', 'original_max_position_embeddings'], read: readDynamic },
  llama3: {
    keys: ['factor', 'low_freq_factor', 'high_freq_factor', 'original_max_position_embeddings'],
    read: readLlama3,
  },
  yarn: {
    keys: [
      'factor',
      'attention_factor',
      'beta_fast',
      'beta_slow',
      'mscale',
      'mscale_all_dim',
      'original_max_position_embeddings',
      'truncate',
    ],
    read: readYarn,
  },
  longrope: {
    keys: ['factor', 'attention_factor', 'short_factor', 'long_factor', 'original_max_position_embeddings'],
    read: readLongRope,
  },
};

/**
 * Theta grows with a text that is longer than `max_position_embeddings`, and is as given up to there. No job goes on beyond, so nothing is
 * scaled. A length of its own from which it would grow sooner is not known to all versions of transformers, so it is refused.
 */
function readDynamic(entry: EntryReader, { maxPositions }: RopeContext): RopeScaling {
  entry.positive('factor');
  const original = entry.optional('original_max_position_embeddings') ?? maxPositions;
  if (original !== maxPositions)
    entry.refuse(
      'original_max_position_embeddings',
      `Dynamic scaling is supported up to max_position_embeddings, where it changes nothing; ${original} is not ${maxPositions}.`,
    );
  return { type: 'none' };
}

function readLlama3(entry: EntryReader, { maxPositions }: RopeContext): RopeScaling {
  const [low, high] = [entry.positive('low_freq_factor'), entry.positive('high_freq_factor')];
  if (low >= high) entry.refuse('low_freq_factor', `${low} must be below high_freq_factor ${high}.`);
  return {
    type: 'llama3',
    factor: entry.positive('factor'),
    lowFrequencyFactor: low,
    highFrequencyFactor: high,
    originalMaxPositions: entry.optional('original_max_position_embeddings') ?? maxPositions,
  };
}

function readYarn(entry: EntryReader, { maxPositions }: RopeContext): RopeScaling {
  const factor = entry.positive('factor');
  const [betaFast, betaSlow] = [entry.optional('beta_fast') ?? 32, entry.optional('beta_slow') ?? 1];
  if (betaFast < betaSlow) entry.refuse('beta_fast', `${betaFast} must not be below beta_slow ${betaSlow}.`);
  const [mscale, mscaleAllDim] = [entry.optional('mscale'), entry.optional('mscale_all_dim')];
  const usual =
    mscale !== undefined && mscaleAllDim !== undefined
      ? usualYarnMagnitude(factor, mscale) / usualYarnMagnitude(factor, mscaleAllDim)
      : usualYarnMagnitude(factor);
  return {
    type: 'yarn',
    factor,
    betaFast,
    betaSlow,
    originalMaxPositions: entry.optional('original_max_position_embeddings') ?? maxPositions,
    wholeBorders: entry.flag('truncate', true),
    magnitude: entry.optional('attention_factor') ?? usual,
  };
}

function readLongRope(entry: EntryReader, { headDim, maxPositions, originalMaxPositions }: RopeContext): RopeScaling {
  const own = entry.optional('original_max_position_embeddings');
  if (own !== undefined && originalMaxPositions !== undefined && own !== originalMaxPositions)
    entry.refuse('original_max_position_embeddings', `${own} contradicts the ${originalMaxPositions} outside of it.`);
  const original = originalMaxPositions ?? own ?? maxPositions;
  const factor = entry.optional('factor') ?? maxPositions / original;
  const usual = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  return {
    type: 'longrope',
    shortFactors: entry.positives('short_factor', headDim / 2),
    longFactors: entry.positives('long_factor', headDim / 2),
    originalMaxPositions: original,
    magnitude: entry.optional('attention_factor') ?? usual,
  };
}
