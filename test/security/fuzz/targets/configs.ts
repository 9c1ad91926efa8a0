import { readFileSync } from 'node:fs';
import { readModelConfig } from '../../../../gpu-job/models/registry.ts';
import { parseSpec } from '../../../../shared/contract/specs/parse-spec.ts';
import { DomainError, refuseErrors } from '../../../../shared/errors.ts';
import { readAdapterConfig } from '../../../../shared/methods/adapter-config.ts';
import { damageJson, jsonBytes, type Json } from '../damage-json.ts';
import type { FuzzRandom } from '../fuzz-random.ts';
import { Unsound, type FuzzTarget } from '../target.ts';

const damaged = (random: FuzzRandom, value: Json): Uint8Array => {
  let result = value;
  if (random.chance(0.75)) for (let i = 1 + random.below(2); i > 0; i--) result = damageJson(random, result);
  return jsonBytes(random, result, 0);
};

const parsed = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

export const adapterConfigTarget: FuzzTarget = {
  name: 'adapter-config',
  input: (random) =>
    damaged(random, {
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      base_model_name_or_path: 'a/b',
      r: 1 + random.below(64),
      lora_alpha: random.pick([16, 8, 0.5]),
      lora_dropout: random.pick([0, 0.1]),
      bias: 'none',
      target_modules: random.pick<Json>([['q_proj', 'v_proj'], 'all-linear', '.*\\.(q|v)_proj', ['lm_head']]),
      modules_to_save: random.pick<Json>([null, ['lm_head'], []]),
      layers_to_transform: random.pick<Json>([null, [0, 1], 3]),
      rank_pattern: random.pick<Json>([{}, { q_proj: 4 }, { '^model\\.layers\\.0': 2 }]),
      alpha_pattern: {},
      use_rslora: false,
      use_dora: false,
      init_lora_weights: true,
      fan_in_fan_out: false,
    }),
  read: (bytes) => readConfig(bytes),
  planted: {
    fault: 'a list of targets that is not looked for',
    read(bytes) {
      const { target_modules: targets } = Object(parsed(bytes)) as { target_modules: string[] | string };
      return targets.length > 0 ? readConfig(bytes) : undefined;
    },
  },
};

function readConfig(bytes: Uint8Array): void {
  const { findings, lora } = readAdapterConfig(parsed(bytes));
  refuseErrors('config', 'The config is refused:', findings);
  const { r } = lora ?? { r: 1 };
  if (!Number.isInteger(r) || r < 1) throw new Unsound(`a rank of ${r}`);
}

const families =
  'llama-tiny llama-linear-rope qwen2-window qwen3-yarn smollm3-tiny gemma3-listed phi3-long mistral-tiny'
    .split(' ')
    .map((name) => JSON.parse(readFileSync(`test/parity/fixtures/${name}/base/config.json`, 'utf8')) as Json);

export const modelConfigTarget: FuzzTarget = {
  name: 'model-config',
  input: (random) => damaged(random, random.pick(families)),
  read: (bytes) => readModel(bytes),
  planted: {
    fault: 'a scaling of RoPE that is always an object',
    read(bytes) {
      const scaling = (Object(parsed(bytes)) as { rope_scaling?: { factor: number } }).rope_scaling;
      return scaling === undefined || scaling.factor !== 0 ? readModel(bytes) : undefined;
    },
  },
};

function readModel(bytes: Uint8Array): void {
  const value = parsed(bytes);
  // whoever reads the file has found an object in it
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new DomainError('config', 'no object');
  readModelConfig(value as Record<string, unknown>);
}

const specs: readonly Json[] = [
  {
    kind: 'train',
    base: 'base',
    data: 'rows.jsonl',
    output: 'out',
    method: { kind: 'lora', r: 8, alpha: 16, targetModules: ['q_proj'] },
    optimizer: { learningRate: 0.001 },
    steps: 10,
  },
  { kind: 'merge', base: 'base', adapter: 'adapter', output: 'out' },
  { kind: 'generate', base: 'base', prompts: [{ prompt: 'Hi' }], maxNewTokens: 4 },
  { kind: 'evaluate', base: 'base', data: 'rows.jsonl' },
  { kind: 'data-check', base: 'base', data: 'rows.jsonl' },
  { kind: 'compose', type: 'cat', members: [{ adapter: 'a' }, { adapter: 'b', weight: 0.5 }], output: 'out' },
];

export const specTarget: FuzzTarget = {
  name: 'spec',
  input: (random) => damaged(random, random.pick(specs)),
  read: (bytes) => parseSpec(parsed(bytes)),
  planted: {
    fault: 'a kind that is looked for along the prototypes',
    read(bytes) {
      const { kind } = Object(parsed(bytes)) as { kind: string };
      const known: Readonly<Record<string, { readonly words: readonly string[] }>> = { train: { words: [] } };
      return kind in known ? known[kind]?.words.length : parseSpec(parsed(bytes));
    },
  },
};
