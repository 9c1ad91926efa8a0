import { invariant } from '../errors.ts';
import { loraRank, loraScaling, type LoraConfig } from '../methods/lora.ts';

/**
 * The config of a composition: scaling 1 in every module, whatever its rank, and neither dropout nor `use_rslora` (PEFT up to
 * 0.21 lets a result inherit `use_rslora`, which scales it by sqrt(r)). `ranks` has the rank of each module of the result.
 */
export function composedConfig(members: readonly LoraConfig[], ranks: ReadonlyMap<string, number>): LoraConfig {
  const [first] = members;
  invariant(first && ranks.size > 0, 'a composition has a member and a module');
  const r = Math.max(...ranks.values());
  const config: LoraConfig = {
    peft_type: 'LORA',
    task_type: firstOf(members, 'task_type'),
    base_model_name_or_path: firstOf(members, 'base_model_name_or_path'),
    revision: firstOf(members, 'revision'),
    inference_mode: true,
    r,
    lora_alpha: r,
    lora_dropout: 0,
    target_modules: composedTargets(members, [...ranks.keys()]),
    exclude_modules: null,
    fan_in_fan_out: false,
    bias: 'none',
    use_rslora: false,
    use_dora: false,
    rank_pattern: {},
    alpha_pattern: {},
    modules_to_save: null,
    init_lora_weights: true,
    layers_to_transform: null,
    layers_pattern: null,
  };
  const narrower = withPatterns(config, new Map([...ranks].filter(([, rank]) => rank !== r)));
  // A name can be the end of another one; then every module is named.
  const result = isRight(narrower, ranks) ? narrower : withPatterns(config, ranks);
  invariant(isRight(result, ranks), 'the patterns give each module of the composition its own rank');
  return result;
}

function firstOf<K extends keyof LoraConfig>(members: readonly LoraConfig[], key: K): LoraConfig[K] {
  const giver = members.find((member) => member[key] !== null) ?? members[0];
  invariant(giver, 'a composition has a member');
  return giver[key];
}

/** The members' own lists together where they say it all, else every module by its full name. */
function composedTargets(members: readonly LoraConfig[], modules: readonly string[]): string[] {
  const targets = new Set<string>();
  for (const { target_modules: own, exclude_modules: excluded, layers_to_transform: layers } of members) {
    if (typeof own === 'string' || excluded !== null || layers !== null) return modules.toSorted();
    for (const target of own) targets.add(target);
  }
  return [...targets].toSorted();
}

/** The first key that matches wins, also as the end of a longer name, so longer names come first. */
function withPatterns(config: LoraConfig, ranks: ReadonlyMap<string, number>): LoraConfig {
  const entries = [...ranks].toSorted(([a], [b]) => b.length - a.length || (a < b ? -1 : 1));
  return { ...config, rank_pattern: Object.fromEntries(entries), alpha_pattern: Object.fromEntries(entries) };
}

function isRight(config: LoraConfig, ranks: ReadonlyMap<string, number>): boolean {
  return [...ranks].every(([module, r]) => loraRank(config, module) === r && loraScaling(config, module) === 1);
}
