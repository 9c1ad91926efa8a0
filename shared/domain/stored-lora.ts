import { DomainError, type Finding } from '../errors.ts';
import { isDecodable } from '../formats/dtype.ts';
import { isSet, reshapingSettings } from '../methods/lora-unsupported.ts';
import { loraRank, loraTensorRole, type LoraConfig } from '../methods/lora.ts';
import type { LoraPair, TensorShape } from './adapter-tensors.ts';
import { moduleTest } from './module-matching.ts';

/** The two factors of one module of an adapter that is stored: [r, inFeatures] and [outFeatures, r], further dimensions folded in. */
export interface StoredPair<T extends TensorShape> extends Omit<LoraPair<T>, 'kind'> {
  /** `parameter`: on a bare parameter, whose experts share the two tensors; its rank is a multiple of the config's. */
  readonly kind: 'linear' | 'embedding' | 'parameter';
}

export interface StoredLora<T extends TensorShape> {
  readonly pairs: ReadonlyMap<string, StoredPair<T>>;
  /** Modules that have a fully trained copy beside or instead of factors. */
  readonly copies: ReadonlySet<string>;
  /** Whether anything but A and B changes the model: magnitudes, biases, copies, single tokens. */
  readonly actsOtherwise: boolean;
  readonly findings: readonly Finding[];
}

/**
 * What a file of PEFT's LoRA holds, and everything wrong with it, by the rules of PEFT itself: with DoRA, embeddings, convolutions,
 * biases, fully trained modules, single tokens and bare parameters. Without a config, only the tensors against each other. What can be used here is another question: `pairLoraTensors`.
 */
export function storedLora<T extends TensorShape>(config: LoraConfig | undefined, tensors: Iterable<T>): StoredLora<T> {
  const findings: Finding[] = [];
  const report: Report = (severity, code, where, message) => void findings.push({ severity, code, where, message });
  const halves = new Map<string, Halves<T>>();
  const magnitudes = new Map<string, T>();
  const biases = new Map<string, T>();
  const copies = new Set<string>();
  let actsOtherwise = false;
  for (const tensor of tensors) {
    const role = loraTensorRole(tensor.name);
    const embedding = /\.lora_embedding_([AB])$/.exec(tensor.name)?.[1] as 'A' | 'B' | undefined; // as the expression says
    if (role.kind === 'A' || role.kind === 'B')
      halves.set(role.module, { ...halves.get(role.module), [role.kind]: tensor });
    else if (role.kind === 'embedding' && embedding)
      halves.set(role.module, { ...halves.get(role.module), embedding: true, [embedding]: tensor });
    else if (role.kind === 'dora-magnitude') magnitudes.set(role.module, tensor);
    else if (role.kind === 'lora-bias') biases.set(role.module, tensor);
    else if (role.kind === 'full-copy') {
      actsOtherwise = true;
      copies.add(role.module.replace(/(\.base_layer)?\.(weight|bias)$/, ''));
      if (config && !isCopyMeant(config, role.module))
        report(
          'warning',
          'unlisted-tensor',
          tensor.name,
          'nothing in the config names it; whether it acts depends on the loader',
        );
    } else
      report(
        'error',
        role.kind === 'no-prefix' ? 'no-prefix' : 'named-adapter',
        tensor.name,
        role.kind === 'no-prefix'
          ? 'the name does not begin with "base_model.model.", as PEFT writes it, so no module would be found for it'
          : "the name carries the name of an adapter or of another method; save it again with PEFT's save_pretrained",
      );
  }
  const pairs = new Map<string, StoredPair<T>>();
  const isTargeted = config ? targetedTest(config) : () => true;
  for (const [module, half] of halves) {
    const pair = checkPair(config, module, half, isTargeted, report);
    if (pair) pairs.set(module, pair);
  }
  if (config) checkCompanions(config, halves, { magnitudes, biases }, report);
  if (halves.size === 0 && !(actsOtherwise && isSet(config?.extra?.['trainable_token_indices'])))
    report('error', 'no-modules', 'adapter_model.safetensors', 'it holds no lora_A and lora_B tensors');
  return { pairs, copies, actsOtherwise: actsOtherwise || magnitudes.size > 0 || biases.size > 0, findings };
}

type Report = (severity: Finding['severity'], code: string, where: string, message: string) => void;

interface Halves<T> {
  readonly A?: T;
  readonly B?: T;
  readonly embedding?: true;
}

/** Whether a copy of a tensor of the base is one that the config asks for or that PEFT adds by itself. */
function isCopyMeant({ modules_to_save: saved, bias, extra = {} }: LoraConfig, tensor: string): boolean {
  if ((saved ?? []).some((name) => `.${tensor}.`.includes(`.${name}.`))) return true;
  if (bias !== 'none' && tensor.endsWith('.bias')) return true;
  if (isSet(extra['trainable_token_indices']) && tensor.includes('trainable_tokens')) return true;
  // saved in full by itself when it is a target or the vocabulary has grown
  return /(^|\.)(embed_tokens|lm_head|wte|word_embeddings|embed_in|embed_out)(\.base_layer)?\.(weight|bias)$/.test(
    tensor,
  );
}

function checkPair<T extends TensorShape>(
  config: LoraConfig | undefined,
  module: string,
  { A, B, embedding }: Halves<T>,
  isTargeted: (module: string) => boolean | undefined,
  report: Report,
): StoredPair<T> | undefined {
  const half = embedding ? 'lora_embedding_' : 'lora_';
  if (A === undefined || B === undefined) {
    const missing = `${half}${A === undefined ? 'A' : 'B'}`;
    report('error', 'missing-partner', (A ?? B)?.name ?? module, `its partner ${missing} is missing`);
    return undefined;
  }
  const undecodable = [A, B].filter((tensor) => !isDecodable(tensor.dtype));
  for (const { name, dtype } of undecodable)
    report(
      'error',
      'unusable-dtype',
      name,
      `its type ${dtype} holds no floats that can be used; save it as F32, BF16 or F16`,
    );
  const flat = [A, B].filter(({ shape }) => shape.length < 2 || shape.includes(0));
  for (const { name, shape } of flat)
    report('error', 'bad-shape', name, `its shape [${shape.join(', ')}] is not that of a matrix`);
  if (undecodable.length > 0 || flat.length > 0) return undefined;
  const [r = 0, ...inputs] = A.shape;
  const [outFeatures = 0, rankOfB = 0, ...kernel] = B.shape;
  if (r !== rankOfB || kernel.some((size) => size !== 1)) {
    const shapes = `A is [${A.shape.join(', ')}] and B is [${B.shape.join(', ')}]`;
    report(
      'error',
      'rank-disagreement',
      module,
      `${shapes}: A's first size and B's second are the rank and must agree`,
    );
    return undefined;
  }
  const targeted = embedding ? true : isTargeted(module);
  const kind = embedding
    ? 'embedding'
    : targeted === false && isSet(config?.extra?.['target_parameters'])
      ? 'parameter'
      : 'linear';
  if (config && kind !== 'parameter') checkAgainstConfig(config, module, r, targeted, report);
  return { module, kind, r, inFeatures: inputs.reduce((size, dimension) => size * dimension, 1), outFeatures, A, B };
}

function checkAgainstConfig(
  config: LoraConfig,
  module: string,
  r: number,
  targeted: boolean | undefined,
  report: Report,
): void {
  if (reshapingSettings(config).length > 0) return;
  const wanted = tried(() => loraRank(config, module));
  if (wanted !== undefined && r !== wanted)
    report(
      'error',
      'rank-mismatch',
      module,
      `its tensors have rank ${r}, but r and rank_pattern of the config give ${wanted}`,
    );
  if (targeted === false)
    report('error', 'not-targeted', module, 'target_modules does not select it, so PEFT would ignore its tensors');
}

/** Magnitudes and biases stand beside factors, when the config says so; all of them then. */
function checkCompanions<T extends TensorShape>(
  config: LoraConfig,
  halves: ReadonlyMap<string, Halves<T>>,
  { magnitudes, biases }: { readonly magnitudes: ReadonlyMap<string, T>; readonly biases: ReadonlyMap<string, T> },
  report: Report,
): void {
  const kinds = [
    ['use_dora', config.use_dora, 'lora_magnitude_vector', magnitudes],
    ['lora_bias', isSet(config.extra?.['lora_bias']), 'lora_B.bias', biases],
  ] as const;
  for (const [key, wanted, part, found] of kinds) {
    for (const [module, { name, shape }] of found) {
      const half = halves.get(module);
      const size = shape.reduce((product, dimension) => product * dimension, 1);
      const outFeatures = half?.B?.shape[0];
      if (!wanted) report('error', 'unexpected-tensor', name, `${key} is not set, so PEFT would ignore it`);
      else if (!half) report('error', 'missing-partner', name, 'its partners lora_A and lora_B are missing');
      else if (outFeatures !== undefined && size !== outFeatures)
        report('error', 'bad-shape', name, `it has ${size} values, but B has ${outFeatures} outputs`);
    }
    for (const [module, { A, B }] of wanted ? halves : [])
      if (!found.has(module) && A && B)
        report('error', 'missing-partner', A.name, `its partner ${part} is missing, which ${key} asks for`);
  }
}

/** Whether the config selects a module; undefined where a pattern cannot be followed here. */
function targetedTest(config: LoraConfig): (module: string) => boolean | undefined {
  const test = tried(() => moduleTest(config.target_modules, config));
  return (module) => test && tried(() => test(module));
}

/** Undefined where a pattern is one that cannot be followed here; that has been told already. */
export function tried<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof DomainError) return undefined;
    throw error;
  }
}
