/** Element types a graph can hold. `bfloat16` only as stored weights: the runtime refuses it as a graph input or output. */
export type DType = 'float32' | 'float64' | 'float16' | 'bfloat16' | 'int64' | 'bool';
