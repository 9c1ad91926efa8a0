import { join } from 'node:path';

export const uploadRank = 20;
export const uploadAdapterFolder = join('.cache', 'bench', 'llama-70b-lora-20');

const [hidden, keys, inner, layers] = [8192, 1024, 28_672, 80];

/** Linear layers of Llama 3 70B. */
export const linears70b = Array.from({ length: layers }, (_, layer) => {
  const linear = (name: string, inFeatures: number, outFeatures: number) => ({
    module: `model.layers.${layer}.${name}`,
    inFeatures,
    outFeatures,
  });
  return [
    linear('self_attn.q_proj', hidden, hidden),
    linear('self_attn.k_proj', hidden, keys),
    linear('self_attn.v_proj', hidden, keys),
    linear('self_attn.o_proj', hidden, hidden),
    linear('mlp.gate_proj', hidden, inner),
    linear('mlp.up_proj', hidden, inner),
    linear('mlp.down_proj', inner, hidden),
  ];
}).flat();
