/**
 * Element types a graph can hold. `bfloat16` only as stored weights: the runtime refuses it as a graph input or output. Short integers
 * only in weights that are packed; two of their bytes may be read as one `uint16`.
 */
export type DType =
  'float32' | 'float64' | 'float16' | 'bfloat16' | 'int64' | 'int32' | 'int8' | 'uint8' | 'uint16' | 'bool';
