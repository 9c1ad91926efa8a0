import { ggufArchitecture } from '../formats/gguf-names.ts';
import { servabilityFacts, type ServabilityFacts, type StoredAdapter } from './servability-facts.ts';

export const engines = ['PEFT', 'vLLM', 'SGLang', 'LoRAX', 'TGI', 'llama.cpp', 'Ollama'] as const;
export type Engine = (typeof engines)[number];

/** `ready`: as it is. `flatten`: its flattened form. `export`: another format. `no`: not, or not as what it is. */
export type Verdict = 'ready' | 'flatten' | 'export' | 'no';

/** Whether and how an engine serves an adapter. */
export interface EngineReport {
  readonly engine: Engine;
  readonly verdict: Verdict;
  /** Sentences for people: why not, or what to know. */
  readonly reasons: readonly string[];
  /** What the engine is started with. */
  readonly settings: readonly string[];
}

/**
 * Tells for each engine whether it serves an adapter, from config and header alone; anything that can be stored may be asked about,
 * whether or not it can be trained here. Sources: the engines' own loaders, as of 2026 (vLLM `vllm/lora/`, SGLang `srt/lora/`, LoRAX and TGI
 * `adapters/lora.py`, llama.cpp `llama-adapter.cpp`, Ollama `convert/`).
 */
export function servability(adapter: StoredAdapter): readonly EngineReport[] {
  const facts = servabilityFacts(adapter);
  return engines.map((engine) => ({ engine, ...judge(rules[engine](facts, adapter)) }));
}

/** What speaks against serving as it is: `no` for good, the others until that is done. */
interface Judgement {
  readonly no: readonly string[];
  readonly flatten?: readonly string[];
  readonly export?: readonly string[];
  /** Worth knowing, whatever the verdict. */
  readonly notes?: readonly string[];
  readonly settings: readonly string[];
}

function judge({
  no,
  flatten = [],
  export: other = [],
  notes = [],
  settings,
}: Judgement): Omit<EngineReport, 'engine'> {
  if (no.length > 0) return { verdict: 'no', reasons: no, settings: [] };
  if (other.length > 0) return { verdict: 'export', reasons: [...other, ...notes], settings };
  if (flatten.length > 0) return { verdict: 'flatten', reasons: [...flatten, ...notes], settings };
  return { verdict: 'ready', reasons: notes, settings };
}

type Rule = (facts: ServabilityFacts, adapter: StoredAdapter) => Judgement;

const rules: Readonly<Record<Engine, Rule>> = {
  PEFT: peft,
  vLLM: vllm,
  SGLang: sglang,
  LoRAX: lorax,
  TGI: tgi,
  'llama.cpp': llamaCpp,
  Ollama: ollama,
};

/** PEFT reads all that it writes; what it does not write, it does not find. */
function peft({ strangers, misfits, beyond, config }: ServabilityFacts, { config: given }: StoredAdapter): Judgement {
  const init = beyond.find(({ where }) => where === 'init_lora_weights');
  return {
    no: [...strangerReasons(strangers), ...misfitReasons(misfits)],
    notes: init ? [`init_lora_weights: PEFT changes the base in the same way when it loads the adapter`] : [],
    settings: [
      `peft>=${peftVersion(given)}`,
      ...(config === undefined ? [] : ['PeftModel.from_pretrained(base, adapter)']),
    ],
  };
}

function vllm(facts: ServabilityFacts): Judgement {
  const smallest = vllmRanks.find((rank) => rank >= facts.rankMax);
  const tooLarge = `the rank ${facts.rankMax} is above ${vllmRanks.at(-1)}, the largest --max-lora-rank`;
  return {
    no: [...common(facts), ...(smallest === undefined ? [tooLarge] : [])],
    flatten: facts.oneScaling
      ? []
      : ['it scales all modules by one lora_alpha / r and ignores rank_pattern and alpha_pattern'],
    settings: ['--enable-lora', `--max-lora-rank ${smallest}`],
  };
}

/** The values that `--max-lora-rank` takes; the default is 16. */
const vllmRanks = [1, 8, 16, 32, 64, 128, 256, 320, 512];

function sglang(facts: ServabilityFacts): Judgement {
  const { config, modules, oneScaling, rankMax } = facts;
  const names = [...new Set(modules.map((module) => module.slice(module.lastIndexOf('.') + 1)))].toSorted();
  return {
    no: common(facts),
    flatten: [
      ...(oneScaling ? [] : ['it scales all modules by one lora_alpha / r']),
      ...(config?.use_rslora === true ? ['it is not known to read use_rslora'] : []),
      ...(typeof config?.target_modules === 'string' ? ['target_modules must be a list of names'] : []),
    ],
    settings: ['--enable-lora', `--max-lora-rank ${rankMax}`, `--lora-target-modules ${names.join(' ')}`],
  };
}

function lorax(facts: ServabilityFacts): Judgement {
  return {
    ...stacked(facts),
    notes: facts.rankMax > 128 ? ['above rank 128 it leaves its fast kernels'] : [],
    settings: ['--adapter-source hub'],
  };
}

function tgi(facts: ServabilityFacts): Judgement {
  const notes = ['adapters are loaded at start only: LORA_ADAPTERS names them'];
  return { ...stacked(facts), notes, settings: ['LORA_ADAPTERS=NAME=/path/to/adapter'] };
}

/** Both stack one kind of module over all layers. */
function stacked(facts: ServabilityFacts): Pick<Judgement, 'no' | 'flatten'> {
  return {
    no: common(facts),
    flatten: [
      ...(facts.oneScaling ? [] : ['it scales all modules by one lora_alpha / r and ignores the patterns']),
      ...(facts.oneRankPerKind ? [] : ['the ranks of one kind of module must be alike in all layers']),
      ...facts.brokenKinds.map(
        (kind) => `${kind} is missing in some layers, so it would be skipped in all: fill the layers`,
      ),
    ],
  };
}

function llamaCpp(facts: ServabilityFacts, { base }: StoredAdapter): Judgement {
  const unknown = base && ggufArchitecture(base.modelType) === undefined;
  const tiedHead = base?.tiedEmbeddings === true && facts.modules.includes('lm_head');
  const [beyond] = [
    ...facts.beyondFactors,
    ...facts.embeddings.map((where) => ({ where, message: 'it is a pair on an embedding' })),
  ];
  const whole = tiedHead || beyond !== undefined;
  const saves = facts.beyondFactors.some(({ where }) => where === 'modules_to_save');
  const need = beyond
    ? `${beyond.where}: ${sentences[beyond.where ?? ''] ?? beyond.message}; only a merged model can say it (merged-gguf)`
    : tiedHead
      ? 'the adapter changes an output embedding that the base shares with its input: only a merged model can say that (merged-gguf)'
      : 'it reads adapters in GGUF (gguf), beside a GGUF of the base (merged-gguf without an adapter)';
  return {
    no: [
      ...common({ ...facts, beyondFactors: [], embeddings: [], ...(saves ? { copies: [] } : {}) }),
      ...(unknown ? [`models of type ${base.modelType ?? 'unknown'} cannot be written to GGUF here`] : []),
    ],
    export: [need],
    settings: whole ? ['-m model.gguf'] : ['-m base.gguf', '--lora adapter.gguf'],
  };
}

function ollama(facts: ServabilityFacts, adapter: StoredAdapter): Judgement {
  const { no } = llamaCpp(facts, adapter);
  const fraction = facts.config !== undefined && !Number.isInteger(facts.config.lora_alpha);
  return {
    no,
    export: [
      'ollama create takes an adapter, but its engine then answers "loras are not yet implemented": give it a merged model (merged-gguf)',
    ],
    notes: fraction ? ['its own conversion of adapters reads lora_alpha as a whole number and stops at fractions'] : [],
    settings: ['FROM ./model.gguf'],
  };
}

/** What no engine but PEFT serves as what it is. */
function common({
  unreadable,
  config,
  beyond,
  beyondFactors,
  strangers,
  copies,
  embeddings,
  misfits,
  modules,
}: ServabilityFacts): string[] {
  if (config === undefined) return [`adapter_config.json cannot be used: ${unreadable}`];
  const named = new Map([...beyond, ...beyondFactors].map(({ where, message }) => [where ?? '', message]));
  return [
    ...[...named].map(([where, message]) => `${where}: ${sentences[where] ?? message}`),
    ...strangerReasons(strangers),
    ...(copies.length > 0 && !named.has('modules_to_save')
      ? [`${copies[0]}: a fully trained tensor would be left out`]
      : []),
    ...(embeddings.length > 0 ? [`${embeddings[0]}: pairs on embeddings are refused or left out`] : []),
    ...(modules.length === 0 ? ['it holds no pair of lora_A and lora_B'] : []),
    ...misfitReasons(misfits),
  ];
}

/** Why a setting of the config keeps engines from serving it. */
const sentences: Readonly<Record<string, string>> = {
  use_dora: 'DoRA is refused, or its magnitudes are left out; merge it into its base first (lorary merge)',
  bias: 'trained biases are refused or left out',
  lora_bias: 'a bias on B is refused or left out',
  modules_to_save: 'fully trained modules are refused or left out; merge it into its base first (lorary merge)',
  init_lora_weights:
    'A and B fit a base that PEFT changes at loading, which engines do not do; let PEFT save it converted',
};

function strangerReasons(strangers: readonly string[]): string[] {
  if (strangers.length === 0) return [];
  return [
    `${strangers[0]}: ${strangers.length} tensors have names that PEFT does not write, so no module is found for them`,
  ];
}

function misfitReasons(misfits: readonly string[]): string[] {
  return misfits.length <= 3
    ? [...misfits]
    : [...misfits.slice(0, 3), `and ${misfits.length - 3} more do not fit the base`];
}

/** The first PEFT that understands all keys of a config that say something. */
function peftVersion(config: StoredAdapter['config']): string {
  const says = (value: unknown): boolean =>
    value !== undefined &&
    value !== null &&
    value !== false &&
    !(typeof value === 'object' && Object.keys(value).length === 0);
  return keyVersions.find(([key]) => says(config[key]))?.[1] ?? '0.3';
}

/** Newest first. */
const keyVersions = [
  ['target_parameters', '0.17'],
  ['trainable_token_indices', '0.15'],
  ['lora_bias', '0.14'],
  ['exclude_modules', '0.14'],
  ['use_dora', '0.9'],
  ['use_rslora', '0.8'],
  ['rank_pattern', '0.6'],
  ['alpha_pattern', '0.6'],
  ['layers_to_transform', '0.4'],
] as const;
