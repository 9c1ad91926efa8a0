/**
 * The name in GGUF of a tensor of a Hugging Face checkpoint, for Llama and the models that share its names; undefined where there
 * is none. Source: llama.cpp, `gguf-py/gguf/tensor_mapping.py`.
 */
export function ggufTensorName(name: string): string | undefined {
  const whole = wholeNames[name];
  if (whole !== undefined) return whole;
  const [, layer, module, kind] = /^model\.layers\.(\d+)\.(.+)\.(weight|bias)$/.exec(name) ?? [];
  const theirs = module === undefined || !Object.hasOwn(layerNames, module) ? undefined : layerNames[module];
  return theirs === undefined ? undefined : `blk.${layer}.${theirs}.${kind}`;
}

/** Whether the rows of a tensor, or of an adapter's B, stand in another order in GGUF: those of queries and keys. */
export function rotatedHeads<T>(module: string, heads: { readonly query: T; readonly key: T }): T | undefined {
  if (module.endsWith('.self_attn.q_proj')) return heads.query;
  return module.endsWith('.self_attn.k_proj') ? heads.key : undefined;
}

const wholeNames: Readonly<Record<string, string | undefined>> = {
  'model.embed_tokens.weight': 'token_embd.weight',
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': 'output.weight',
};

const layerNames: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};

/** How llama.cpp calls a `model_type` of Hugging Face, and whether it wants the rows of queries and keys permuted. */
export interface GgufArchitecture {
  readonly name: string;
  readonly permutesHeads: boolean;
}

/** The architecture of a `model_type`; undefined where its files cannot be written here. */
export function ggufArchitecture(modelType: unknown): GgufArchitecture | undefined {
  return typeof modelType === 'string' && Object.hasOwn(architectures, modelType)
    ? architectures[modelType]
    : undefined;
}

/** Source: llama.cpp, `convert_hf_to_gguf.py`: the classes that call `LlamaModel.permute`. */
const architectures: Readonly<Record<string, GgufArchitecture>> = {
  llama: { name: 'llama', permutesHeads: true },
  mistral: { name: 'llama', permutesHeads: true },
  qwen2: { name: 'qwen2', permutesHeads: false },
  qwen3: { name: 'qwen3', permutesHeads: false },
  smollm3: { name: 'smollm3', permutesHeads: true },
};
