import type { Base } from '../../shared/contract/bases.ts';

/** What is done with the weights of a GGUF file, and how to have it otherwise; undefined for what is none. */
export function ggufNote(model: string, quantize: Base['quantize']): string | undefined {
  if (!model.toLowerCase().endsWith('.gguf')) return undefined;
  if (quantize === 'gguf')
    return 'The blocks of the GGUF file are kept: the base stays as small, and adapters are trained on it. It is not merged into, nor fine-tuned whole; for that leave out --quantize gguf.';
  if (quantize !== undefined)
    return `The weights of the GGUF file are unpacked and packed again as ${quantize}, which loses a little; --quantize gguf keeps its blocks as they are.`;
  return 'The weights of the GGUF file are unpacked to float32, so that everything can be done with the base: of 4-bit blocks that is about seven times the size. To keep the blocks: --quantize gguf.';
}
