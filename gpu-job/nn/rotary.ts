/** How positions become angles. `scaling` follows the `rope_scaling` entry of a Hugging Face config. */
export interface RopeSpec {
  readonly headDim: number;
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
    };

export interface RopeTables {
  /** [rows, headDim / 2] each. */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  readonly rows: number;
}

/** cos and sin of position * frequency for positions 0 .. rows - 1, computed in float64. */
export function ropeTables(spec: RopeSpec, rows: number): RopeTables {
  const frequencies = ropeFrequencies(spec);
  const half = frequencies.length;
  const cos = new Float32Array(rows * half);
  const sin = new Float32Array(rows * half);
  for (let position = 0; position < rows; position++)
    for (const [i, frequency] of frequencies.entries()) {
      // the angle is rounded to float32 as PyTorch does: at position 10,000 this is visible
      const angle = Math.fround(position * frequency);
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  return { cos, sin, rows };
}

/** theta^(-2i/D) for i = 0 .. D/2 - 1, scaled. Radians per position, rounded to float32 like the checkpoints' own code. */
export function ropeFrequencies({ headDim, theta, scaling }: RopeSpec): readonly number[] {
  return Array.from({ length: headDim / 2 }, (_, i) =>
    Math.fround(scaleFrequency(Math.fround(1 / theta ** ((2 * i) / headDim)), scaling)),
  );
}

function scaleFrequency(frequency: number, scaling: RopeScaling): number {
  if (scaling.type === 'none') return frequency;
  if (scaling.type === 'linear') return frequency / scaling.factor;
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalMaxPositions } = scaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength < originalMaxPositions / highFrequencyFactor) return frequency;
  if (wavelength > originalMaxPositions / lowFrequencyFactor) return frequency / factor;
  const smooth = (originalMaxPositions / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}
