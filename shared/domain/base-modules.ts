import { isDecodable, type Dtype } from '../formats/dtype.ts';

/** A weight of the base: [out, in] for a linear module. */
export interface BaseTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype?: Dtype;
}

/** Modules of a base that a plain LoRA can act on: those with a matrix as weight that is not an embedding. */
export function linearModules(
  baseTensors: Iterable<BaseTensor>,
): ReadonlyMap<string, { readonly inFeatures: number; readonly outFeatures: number }> {
  const linears = new Map<string, { inFeatures: number; outFeatures: number }>();
  for (const { name, shape } of baseTensors) {
    const [outFeatures, inFeatures] = shape;
    if (!name.endsWith(suffix) || shape.length !== 2 || outFeatures === undefined || inFeatures === undefined) continue;
    const module = name.slice(0, -suffix.length);
    if (!inputEmbedding.test(module)) linears.set(module, { inFeatures, outFeatures });
  }
  return linears;
}

/** A module that can be adapted here, with the sizes of its weight [outFeatures, inFeatures]. */
export interface AdaptableModule {
  readonly module: string;
  /** Of an embedding, outputs are tokens. `all-linear` leaves it out. */
  readonly kind?: 'embedding';
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** The linear modules of a base, its input embedding and its output embedding, which is there though it may share the input's tensor. */
export function adaptableModules(baseTensors: Iterable<BaseTensor>): readonly AdaptableModule[] {
  const tensors = [...baseTensors];
  const modules: AdaptableModule[] = [...linearModules(tensors)].map(([module, size]) => ({ module, ...size }));
  const input = tensors.find(({ name, shape }) => name === `${inputModule}${suffix}` && shape.length === 2);
  if (!input) return modules;
  const [outFeatures = 0, inFeatures = 0] = input.shape;
  const size = { inFeatures, outFeatures };
  if (!modules.some(({ module }) => module === outputModule)) modules.push({ module: outputModule, ...size });
  return [...modules, { module: inputModule, kind: 'embedding', ...size }];
}

const inputModule = 'model.embed_tokens';
const outputModule = 'lm_head';

/** A module that PEFT's LoRA can act on. */
export interface StorableModule {
  readonly kind: 'linear' | 'embedding';
  /** Columns of A; of an embedding, its tokens. Absent where the base's weight is packed and does not show its size. */
  readonly inFeatures?: number;
  readonly outFeatures?: number;
}

/**
 * Modules of a base that PEFT's LoRA can act on: linear ones, embeddings and convolutions. An output embedding that shares the
 * input's tensor is there too. `transposed`: weights are [in, out], as in GPT-2 (`fan_in_fan_out`).
 */
export function storableModules(
  baseTensors: Iterable<BaseTensor>,
  options: { readonly transposed?: boolean } = {},
): ReadonlyMap<string, StorableModule> {
  const modules = new Map<string, StorableModule>();
  for (const { name, shape, dtype } of baseTensors) {
    if (!name.endsWith(suffix) || shape.length < 2) continue;
    const module = name.slice(0, -suffix.length);
    const kind = inputEmbedding.test(module) ? 'embedding' : 'linear';
    const [first = 0, ...others] = shape;
    const rest = others.reduce((size, dimension) => size * dimension, 1);
    const [inFeatures, outFeatures] =
      kind === 'embedding' || options.transposed === true ? [first, rest] : [rest, first];
    modules.set(module, dtype === undefined || isDecodable(dtype) ? { kind, inFeatures, outFeatures } : { kind });
  }
  const tied = modules.has('lm_head') ? undefined : (modules.get('model.embed_tokens') ?? modules.get('embed_tokens'));
  if (tied?.inFeatures !== undefined && tied.outFeatures !== undefined)
    modules.set('lm_head', { kind: 'linear', inFeatures: tied.outFeatures, outFeatures: tied.inFeatures });
  return modules;
}

/**
 * The module that a name the base does not have was probably meant to be: the one with the longest common tail; the last name
 * alone says too little.
 */
export function meantModule(module: string, modules: Iterable<string>): string | undefined {
  const known = [...modules];
  const parts = module.split('.');
  for (let cut = 0; cut === 0 || cut < parts.length - 1; cut++) {
    const tail = parts.slice(cut).join('.');
    const meant = known.find((name) => name === tail || name.endsWith(`.${tail}`));
    if (meant !== undefined) return meant;
  }
  return undefined;
}

const suffix = '.weight';
const inputEmbedding = /(^|\.)(embed_tokens|embed_positions|tok_embeddings|word_embeddings|wte|wpe|embeddings)$/;
