/** Element type in which a graph's products take operands and give results; all else is computed in float32. */
export type Compute = 'float32' | 'bfloat16' | 'float16';

export const computeTypes = ['float32', 'bfloat16', 'float16'] as const satisfies readonly Compute[];
