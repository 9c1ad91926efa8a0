/** How much and how fast an adapter is trained, and how much is measured. Counts are tokens. */
export interface TrainingPlan {
  readonly trainTokens: number;
  readonly stepTokens: number;
  readonly learningRate: number;
  readonly validationTokens: number;
  readonly heldOutTokens: number;
}

/** The base of this repository: the plan is made for it, and scaled for others. */
const referenceParameters = 2_755_008;

/**
 * A plan from the sizes of the base and of the dataset. Work per token grows with the parameters, and large models learn from fewer
 * tokens: these shrink with the parameters to the power 0.6, the learning rate with their square root. Small datasets are read at
 * most twelve times.
 */
export function planTraining(sizes: {
  readonly parameters: number;
  readonly rows: number;
  readonly tokens: number;
  /** Overrides the number of training tokens. */
  readonly trainTokens?: number | undefined;
}): TrainingPlan {
  const size = Math.max(1, sizes.parameters / referenceParameters);
  const scale = size ** -0.6;
  const meanRow = sizes.tokens / sizes.rows;
  const trainTokens = Math.ceil(sizes.trainTokens ?? Math.min(200_000 * scale, epochsMax * sizes.tokens));
  const wanted = Math.min(stepTokensMax, trainTokens / stepsWanted);
  const severalRows = Math.min(4 * meanRow, trainTokens / stepsMin);
  return {
    trainTokens,
    stepTokens: Math.ceil(Math.max(wanted, severalRows, meanRow)),
    learningRate: 2e-3 / Math.sqrt(size),
    validationTokens: Math.ceil(4_000 * scale),
    heldOutTokens: Math.ceil(40_000 * scale),
  };
}

const epochsMax = 12;
const stepTokensMax = 512;
/** Short rows: many small steps learn more from the same tokens than few large ones. */
const stepsWanted = 400;
const stepsMin = 50;
