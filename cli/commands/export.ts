import type { SpecCommand } from '../command.ts';
import { adapter, base, threads } from '../common-flags.ts';

/** `lorary export`: an adapter, or a model, in a form that serving engines read. */
export const exportCommand: SpecCommand = {
  name: 'export',
  summary: 'Export an adapter or a model for PEFT, vLLM, LoRAX, TGI or llama.cpp.',
  usage: '--format FORMAT [--base FOLDER] [--adapter FOLDER] --output FOLDER [flags]',
  fixed: { kind: 'export' },
  examples: [
    'lorary export --format gguf --base models/SmolLM2-135M --adapter adapters/mine --output exports/mine',
    'lorary export --format merged-gguf --base models/SmolLM2-135M --adapter adapters/mine --dtype q8_0 -o exports/whole',
    'lorary export --format flattened --adapter adapters/mine --output exports/flat',
  ],
  flags: {
    format: { path: 'format', kind: 'text', value: 'FORMAT', help: 'peft, flattened, gguf or merged-gguf' },
    base,
    adapter,
    output: { path: 'output', kind: 'path', value: 'FOLDER', short: 'o', help: 'the export; must not exist' },
    dtype: { path: 'dtype', kind: 'text', value: 'TYPE', help: 'f32, f16, bf16 or q8_0 [f16 in GGUF, else f32]' },
    'fill-layers': { path: 'fillLayers', kind: 'switch', help: 'zeros for layers left out, for LoRAX and TGI' },
    'base-model-name': {
      path: 'baseModelName',
      kind: 'text',
      value: 'NAME',
      help: 'base_model_name_or_path to write',
    },
    threads,
  },
};
