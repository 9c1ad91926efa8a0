import type { FuzzTarget } from './target.ts';
import { apiTarget } from './targets/api.ts';
import { adapterConfigTarget, modelConfigTarget, specTarget } from './targets/configs.ts';
import { ggufTarget, ggufTokenizerTarget } from './targets/gguf.ts';
import { modelIndexTarget, quantStateTarget, repeatedKeysTarget } from './targets/json-files.ts';
import { modulePatternTarget } from './targets/module-pattern.ts';
import { safetensorsTarget } from './targets/safetensors.ts';
import { csvTarget, parquetTarget } from './targets/tables.ts';
import { chatTemplateTarget, eventStreamTarget, jsonLinesTarget, tokenizerTarget } from './targets/texts.ts';

/** Every parser that reads what a stranger may have written. */
export const targets: readonly FuzzTarget[] = [
  safetensorsTarget,
  ggufTarget,
  ggufTokenizerTarget,
  adapterConfigTarget,
  modulePatternTarget,
  modelConfigTarget,
  modelIndexTarget,
  quantStateTarget,
  repeatedKeysTarget,
  specTarget,
  jsonLinesTarget,
  csvTarget,
  parquetTarget,

  tokenizerTarget,
  chatTemplateTarget,
  eventStreamTarget,
  apiTarget,
];
