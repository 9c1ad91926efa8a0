import { DomainError, type Finding } from '../errors.ts';
import { parseLoraConfig } from '../methods/lora-config-file.ts';
import { beyondFactors, loraUnsupported } from '../methods/lora-unsupported.ts';
import { loraScaling, loraTensorRole, type LoraConfig } from '../methods/lora.ts';
import { adapterFit } from './adapter-fit.ts';
import { linearModules, type BaseTensor } from './base-modules.ts';
import { kindOf, missingLayers } from './flattened-config.ts';

/** An adapter as it is stored, whatever it is, and what is known of its base. */
export interface StoredAdapter {
  /** Content of `adapter_config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Header of `adapter_model.safetensors`. */
  readonly tensors: readonly { readonly name: string; readonly dtype: string; readonly shape: readonly number[] }[];
  readonly base?: {
    /** `model_type` of its `config.json`. */
    readonly modelType: string | null;
    /** Whether the output embedding shares the tensor of the input's. */
    readonly tiedEmbeddings: boolean;
    readonly tensors: readonly BaseTensor[];
  };
}

/** What decides which engine serves an adapter. Sentences are for people. */
export interface ServabilityFacts {
  /** Why the config cannot be read at all; the other facts are then empty. */
  readonly unreadable: string | undefined;
  readonly config: LoraConfig | undefined;
  /** The largest rank among the modules. */
  readonly rankMax: number;
  /** Whether lora_alpha / r of the config (or its form with `use_rslora`) is the scaling of every module. */
  readonly oneScaling: boolean;
  /** Whether all layers that have a kind of module have it with the same rank. */
  readonly oneRankPerKind: boolean;
  /** Kinds of modules that some layers of the base lack in the adapter: `model.layers.*.self_attn.q_proj`. */
  readonly brokenKinds: readonly string[];
  /** What goes beyond what can be used here, by name: such an adapter is kept and passed on, but not flattened, converted or merged. */
  readonly beyond: readonly Finding[];
  /** What A and B alone do not say, by name: a merged model does. */
  readonly beyondFactors: readonly Finding[];
  /** Tensors under names that PEFT does not write. */
  readonly strangers: readonly string[];
  /** Tensors that are whole copies of the base's, or pairs on an embedding. */
  readonly copies: readonly string[];
  readonly embeddings: readonly string[];
  /** What the base contradicts. */
  readonly misfits: readonly string[];
  readonly modules: readonly string[];
}

export function servabilityFacts({ config: given, tensors, base }: StoredAdapter): ServabilityFacts {
  const roles = tensors.map(({ name, shape }) => ({ name, shape, role: loraTensorRole(name) }));
  const named = (...kinds: string[]): string[] =>
    roles.flatMap(({ name, role }) => (kinds.includes(role.kind) ? [name] : []));
  const sizes = new Map<string, { r: number; inFeatures: number; outFeatures: number }>();
  for (const { shape, role } of roles)
    if (role.kind === 'A') sizes.set(role.module, { r: shape[0] ?? 0, inFeatures: shape[1] ?? 0, outFeatures: 0 });
  for (const { shape, role } of roles)
    if (role.kind === 'B')
      sizes.set(role.module, {
        r: shape[1] ?? 0,
        inFeatures: 0,
        ...sizes.get(role.module),
        outFeatures: shape[0] ?? 0,
      });
  const modules = [...sizes].map(([module, size]) => ({ module, ...size }));
  const { config, unreadable } = readConfig(given);
  const scalings = config ? modules.map(({ module, r }) => loraScaling(config, module, r)) : [];
  const whole = config && config.lora_alpha / (config.use_rslora ? Math.sqrt(config.r) : config.r);
  const linears = base ? [...linearModules(base.tensors)].map(([module, size]) => ({ module, ...size })) : [];
  return {
    unreadable,
    config,
    rankMax: Math.max(0, ...modules.map(({ r }) => r)),
    oneScaling: scalings.every((scaling) => Math.abs(scaling - (whole ?? 0)) <= 1e-6 * Math.abs(scaling)),
    oneRankPerKind: haveOneRank(modules),
    brokenKinds: [...new Set(missingLayers(sizes.keys(), linears).map(({ module }) => kindOf(module)))],
    beyond: [
      ...(config ? loraUnsupported(config) : []),
      ...beyondInTensors(config?.use_dora ? [] : named('dora-magnitude'), named('lora-bias')),
    ],
    beyondFactors: config ? beyondFactors(config) : [],
    strangers: named('no-prefix', 'named-adapter'),
    copies: named('full-copy'),
    embeddings: named('embedding'),
    misfits: config && base ? misfitsOf(config, modules, base) : [],
    modules: [...sizes.keys()],
  };
}

function readConfig(given: StoredAdapter['config']): {
  config: LoraConfig | undefined;
  unreadable: string | undefined;
} {
  try {
    return { config: parseLoraConfig(given), unreadable: undefined };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    const [first] = error.findings;
    return {
      config: undefined,
      unreadable: first ? `${first.where ?? 'adapter_config.json'}: ${first.message}` : error.message,
    };
  }
}

/** The tensors tell it even where the config does not. */
function beyondInTensors(magnitudes: readonly string[], biases: readonly string[]): Finding[] {
  const warn = (where: string, message: string): Finding => ({
    severity: 'error',
    code: 'beyond-lora',
    where,
    message,
  });
  return [
    ...magnitudes.slice(0, 1).map((name) => warn('use_dora', `DoRA magnitudes (${name})`)),
    ...biases.slice(0, 1).map((name) => warn('lora_bias', `a bias on B (${name})`)),
  ];
}

function misfitsOf(
  config: LoraConfig,
  modules: readonly { readonly module: string; readonly inFeatures: number; readonly outFeatures: number }[],
  base: NonNullable<StoredAdapter['base']>,
): string[] {
  const embedding = base.tensors.find(({ name }) => name === 'model.embed_tokens.weight');
  const head = base.tiedEmbeddings && embedding ? [{ name: 'lm_head.weight', shape: embedding.shape }] : [];
  const others = base.tensors.filter(({ name }) => head.length === 0 || name !== 'lm_head.weight');
  const { findings } = adapterFit(config, modules, [...others, ...head]);
  return findings
    .filter(({ severity, code }) => severity === 'error' && code !== 'no-effect')
    .map(({ where, message }) => `${where}: ${message}`);
}

function haveOneRank(modules: readonly { readonly module: string; readonly r: number }[]): boolean {
  const ranks = new Map<string, number>();
  return modules.every(({ module, r }) => {
    const kind = kindOf(module);
    const known = ranks.get(kind) ?? r;
    ranks.set(kind, known);
    return known === r;
  });
}
