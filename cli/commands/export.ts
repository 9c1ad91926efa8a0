import type { SpecCommand } from '../command.ts';
import { adapter, base, serverFlags, threads } from '../common-flags.ts';
import { exportOnServer } from '../named/export-on-server.ts';
import { baseAndAdapter } from '../named/subjects.ts';

/** `lorary export`: an adapter, or a model, in a form that serving engines read. */
export const exportCommand: SpecCommand = {
  name: 'export',
  summary: 'Export an adapter or a model for PEFT, vLLM, LoRAX, TGI or llama.cpp.',
  usage: '--format FORMAT [--base BASE] [--adapter ADAPTER] --output FOLDER [flags]',
  mainFlag: 'adapter',
  fixed: { kind: 'export' },
  named: { subjects: baseAndAdapter, run: exportOnServer },
  notes: ['An adapter on the server knows its base; one in a folder needs --base where the format does.'],
  examples: [
    'lorary export --format gguf --adapter french@3 --output exports/french',
    'lorary export --format flattened --adapter french@3 --fill-layers --output exports/french-flat',
    'lorary export --format gguf --base models/SmolLM2-135M --adapter adapters/mine --output exports/mine',
    'lorary export --format merged-gguf --base models/SmolLM2-135M --adapter adapters/mine --dtype q8_0 -o exports/whole',
    'lorary export --format flattened --adapter adapters/mine --output exports/flat',
  ],
  flags: {
    format: { path: 'format', kind: 'text', value: 'FORMAT', help: 'peft, flattened, gguf or merged-gguf' },
    base,
    adapter,
    output: { path: 'output', kind: 'path', value: 'FOLDER', short: 'o', help: 'the export, a folder; must not exist' },
    dtype: { path: 'dtype', kind: 'text', value: 'TYPE', help: 'f32, f16, bf16 or q8_0 [f16 in GGUF, else f32]' },
    'fill-layers': {
      path: 'fillLayers',
      kind: 'switch',
      help: 'zeros for layers left out, for LoRAX and TGI',
    },
    'base-model-name': {
      path: 'baseModelName',
      kind: 'text',
      value: 'NAME',
      help: 'base_model_name_or_path to write',
    },
    threads,
    ...serverFlags,
  },
};
