import type { SpecCommand } from '../command.ts';
import { base, data, threads } from '../common-flags.ts';

/** `lorary quantize`: a base in few bits a weight. */
export const quantize: SpecCommand = {
  name: 'quantize',
  summary: 'Pack a base model into 4 bits a weight for QLoRA, or unpack one.',
  usage: '--base FOLDER --type TYPE --output FOLDER [flags]',
  mainFlag: 'base',
  fixed: { kind: 'quantize' },
  notes: [
    'Adapters are trained, evaluated and generated with on a packed base as on any other; a merge needs floats: merge into the model that was',
    'packed, or unpack first. On a server: lorary base add --quantize TYPE.',
  ],
  examples: [
    'lorary quantize --base models/SmolLM2-135M --type nf4 --output models/SmolLM2-135M-nf4 --data held-out.jsonl',
    'lorary quantize --base models/SmolLM2.Q4_1.gguf --type gguf --output models/SmolLM2-q4',
    'lorary quantize --base models/SmolLM2-135M-nf4 --type bf16 --output models/SmolLM2-135M-unpacked',
  ],
  flags: {
    base: { ...base, help: 'a model in floats; a .gguf file for gguf; a packed model for f32, bf16 and f16' },
    type: {
      path: 'type',
      kind: 'text',
      value: 'TYPE',
      help: 'nf4, u4, gguf (the blocks of a GGUF file as they are); f32, bf16 or f16 to unpack',
    },
    block: { path: 'blockSize', kind: 'number', value: 'N', help: 'values that share a scale in u4, 32 or 64 [64]' },
    output: { path: 'output', kind: 'path', value: 'FOLDER', short: 'o', help: 'the model, a folder; must not exist' },
    data: { ...data, help: 'JSONL to measure the loss of both models on' },
    rows: { path: 'rowsMax', kind: 'number', value: 'N', help: 'the first N rows of it only' },
    threads,
  },
};
