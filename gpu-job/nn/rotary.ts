/** How positions become angles. `scaling` follows the `rope_scaling` entry of a Hugging Face config. */
export interface RopeSpec {
  /** How many dimensions of each head turn, the first ones: all of them, in most models. Even. */
  readonly dim: number;
  readonly theta: number;
  readonly scaling: RopeScaling;
}

export type RopeScaling =
  | { readonly type: 'none' }
  /** Positions divided by `factor` (Chen et al. 2023). */
  | { readonly type: 'linear'; readonly factor: number }
  /** Low frequencies divided by `factor`, high ones kept, those between blended (Llama 3.1). */
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalMaxPositions: number;
    }
  | YarnScaling
  /**
   * A divisor for each frequency (LongRoPE, Ding et al. 2024): the short ones for texts of up to `originalMaxPositions` tokens, the long
   * ones for longer texts, from their first token on.
   */
  | {
      readonly type: 'longrope';
      readonly shortFactors: readonly number[];
      readonly longFactors: readonly number[];
      readonly originalMaxPositions: number;
      readonly magnitude: number;
    };

/**
 * YaRN (Peng et al. 2023): frequencies that turn more than `betaFast` times within `originalMaxPositions` are kept, those that turn less
 * than `betaSlow` times divided by `factor`, those between blended by their number.
 */
export interface YarnScaling {
  readonly type: 'yarn';
  readonly factor: number;
  readonly betaFast: number;
  readonly betaSlow: number;
  readonly originalMaxPositions: number;
  /** Whether the borders of the blend are moved out to whole numbers. */
  readonly wholeBorders: boolean;
  /** What turned queries and keys are multiplied by each. */
  readonly magnitude: number;
}

/** What turned queries and keys are multiplied by each where a config does not say (Peng et al. 2023, equation 22). */
export const usualYarnMagnitude = (factor: number, by = 1): number =>
  factor <= 1 ? 1 : 0.1 * by * Math.log(factor) + 1;

export interface RopeTables {
  /** [rows, dim / 2] each. */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  readonly rows: number;
}

/** cos and sin of position * frequency for positions 0 .. rows - 1 of texts of `length` tokens, computed in float64. */
export function ropeTables(spec: RopeSpec, rows: number, length: number = rows): RopeTables {
  const frequencies = ropeFrequencies(spec, length);
  const half = frequencies.length;
  const magnitude = ropeMagnitude(spec);
  const cos = new Float32Array(rows * half);
  const sin = new Float32Array(rows * half);
  for (let position = 0; position < rows; position++)
    for (const [i, frequency] of frequencies.entries()) {
      // the angle is rounded to float32 as PyTorch does: at position 10,000 this is visible
      const angle = Math.fround(position * frequency);
      cos[position * half + i] = magnitude * Math.cos(angle);
      sin[position * half + i] = magnitude * Math.sin(angle);
    }
  return { cos, sin, rows };
}

/** theta^(-2i/dim) for i = 0 .. dim/2 - 1, scaled. Radians per position, rounded to float32 like the checkpoints' own code. */
export function ropeFrequencies({ dim, theta, scaling }: RopeSpec, length = 1): readonly number[] {
  const plain = Array.from({ length: dim / 2 }, (_, i) => Math.fround(1 / theta ** ((2 * i) / dim)));
  return scaledFrequencies(plain, { dim, theta, scaling }, length).map(Math.fround);
}

function scaledFrequencies(plain: readonly number[], spec: RopeSpec, length: number): readonly number[] {
  const { scaling } = spec;
  switch (scaling.type) {
    case 'none':
      return plain;
    case 'linear':
      return plain.map((frequency) => frequency / scaling.factor);
    case 'llama3':
      return plain.map((frequency) => llama3Frequency(frequency, scaling));
    case 'yarn':
      return yarnFrequencies(plain, spec, scaling);
    case 'longrope': {
      const factors = length > scaling.originalMaxPositions ? scaling.longFactors : scaling.shortFactors;
      return plain.map((frequency, i) => frequency / (factors[i] as number)); // as many factors as frequencies: checked in the config
    }
  }
}

const ropeMagnitude = ({ scaling }: RopeSpec): number => ('magnitude' in scaling ? scaling.magnitude : 1);

function llama3Frequency(frequency: number, scaling: Extract<RopeScaling, { type: 'llama3' }>): number {
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalMaxPositions } = scaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength < originalMaxPositions / highFrequencyFactor) return frequency;
  if (wavelength > originalMaxPositions / lowFrequencyFactor) return frequency / factor;
  const smooth = (originalMaxPositions / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

function yarnFrequencies(plain: readonly number[], { dim, theta }: RopeSpec, scaling: YarnScaling): readonly number[] {
  const { factor, betaFast, betaSlow, originalMaxPositions, wholeBorders } = scaling;
  /** The number i of the frequency that turns so many times. */
  const turning = (times: number): number =>
    (dim * Math.log(originalMaxPositions / (times * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [turning(betaFast), turning(betaSlow)];
  const low = Math.max(0, wholeBorders ? Math.floor(first) : first);
  const high = Math.min(dim - 1, wholeBorders ? Math.ceil(last) : last);
  const width = high === low ? 0.001 : high - low;
  return plain.map((frequency, i) => {
    const divided = Math.min(1, Math.max(0, (i - low) / width));
    return (frequency / factor) * divided + frequency * (1 - divided);
  });
}
