import { DomainError, invariant, refuseErrors, type Finding } from '../../shared/errors.ts';
import type { Dtype } from '../../shared/formats/dtype.ts';
import type { BaseModelFolder } from '../folders/base-model.ts';
import type { FloatType, GraphBuilder } from '../graph/builder.ts';
import type { DType } from '../graph/dtype.ts';
import type { Tensor } from '../graph/tensor.ts';
import { readModelConfig } from '../models/registry.ts';
import { distinctRopes, longTextTokens, type DecoderSpec } from '../nn/decoder-spec.ts';
import { decoderEmbeddings, decoderForward, decoderLinears, decoderTensors, outputEmbedding } from '../nn/decoder.ts';
import type { ForwardContext } from '../nn/forward-context.ts';
import { causalBlocks, type TokenPlaces } from '../nn/mask.ts';
import type { HeadStates, OutputHead } from '../nn/output-head.ts';
import type { Method, MethodGraph, Parameter, TunableModel } from './method.ts';
import { packedMatrix, packedProduct } from './packed-product.ts';

/** A base model on disk and the method around it: everything needed to write a graph, and no weights in memory. */
export interface TunedModel extends TunableModel {
  readonly base: BaseModelFolder;
  readonly spec: DecoderSpec;
  readonly method: Method | undefined;
}

/** Opens a base for training or evaluation. Throws `DomainError` when the config or the tensors do not make a model we know. */
export function tunedModel(base: BaseModelFolder, method?: (model: TunableModel) => Method): TunedModel {
  const model = describeModel(base.config);
  checkTensors(model, base);
  return { ...model, base, method: method?.(model) };
}

/** What a config says of a model, without its weights. */
export function describeModel(
  config: Readonly<Record<string, unknown>>,
): TunableModel & { readonly spec: DecoderSpec } {
  const spec = readModelConfig(config);
  return {
    spec,
    tensors: decoderTensors(spec),
    linears: decoderLinears(spec),
    embeddings: decoderEmbeddings(spec),
  };
}

export interface ForwardInputs {
  /** int64 [B, T]. */
  readonly inputIds: Tensor;
  readonly queries: TokenPlaces;
  /** Places of all keys a query may look at; the queries themselves unless there is a cache. */
  readonly keys: TokenPlaces;
  readonly dropoutSeed?: Tensor;
  /** int64 [B, T]; for a method that asks whose row each token is. */
  readonly tasks?: Tensor | undefined;
  /** Whether the method's derived values are fed, each under its name; absent: the graph computes them. */
  readonly derivedFed?: boolean;
  readonly joinCache?: NonNullable<ForwardContext['joinCache']>;
  /** Queries of one block of attention, where queries and keys are the same tokens; absent: all at once. */
  readonly attentionBlock?: number | undefined;
}

export interface ForwardResult {
  /** Of all B*T tokens. */
  readonly states: HeadStates;
  readonly head: OutputHead;
  /** Graph inputs of the trained tensors, in the order of the method's parameters. */
  readonly parameters: readonly Tensor[];
}

/** Names of the graph inputs that carry the tables of a model's rope number i (`distinctRopes`). */
export const ropeInputs = (i: number): { readonly cos: string; readonly sin: string } => {
  const suffix = i === 0 ? '' : `_${i}`;
  return { cos: `rope_cos${suffix}`, sin: `rope_sin${suffix}` };
};

/** Name of the graph input that says which rows of them each token takes, where that is not its position. */
export const ropeRowsInput = 'rope_rows';

/** Writes the forward pass of a tuned model into a graph. */
export function forward(graph: GraphBuilder, model: TunedModel, inputs: ForwardInputs): ForwardResult {
  const { spec, method } = model;
  const frozen = memoised((name: string) => frozenWeight(graph, model.base, name));
  const { methodGraph, parameters } = openMethodGraph(graph, model, {
    ...inputs,
    weight: frozen,
    product: (module, x) => product(module, x),
  });
  const replaced = (name: string): Tensor | undefined => method?.replaceWeight?.(methodGraph, name);
  const weight = memoised((name: string) => replaced(name) ?? frozen(name));
  const packed = memoised((name: string) => packedMatrix(graph, model.base, name));
  const product = (module: string, x: Tensor): Tensor => {
    const name = `${module}.weight`;
    const matrix = replaced(name) ? undefined : packed(name);
    return matrix ? packedProduct(graph, matrix, x) : graph.matmul(x, weight(name), { transB: true });
  };
  const biased = new Set(model.linears.filter((linear) => linear.bias).map((linear) => linear.module));
  const masks = memoised((window: number | undefined) => causalBlocks(graph, inputs.queries, inputs.keys, window));
  const linears = (modules: readonly string[], x: Tensor): readonly Tensor[] => {
    const products = modules.map((module) => ({
      module,
      product: graph.scope(module, () => product(module, x)),
    }));
    const extended = method?.extendLinears?.(methodGraph, x, products) ?? products.map(({ product }) => product);
    return modules.map((module, i) => {
      const y = extended[i];
      invariant(y, `the method extends ${module}`);
      return biased.has(module) ? graph.scope(module, () => graph.add(y, weight(`${module}.bias`))) : y;
    });
  };
  const ropes = new Map(
    distinctRopes(spec).map((rope, i) => {
      const [names, dims] = [ropeInputs(i), ['M', rope.dim / 2]];
      return [rope, { cos: graph.input(names.cos, graph.float, dims), sin: graph.input(names.sin, graph.float, dims) }];
    }),
  );
  const context: ForwardContext = {
    graph,
    inputIds: inputs.inputIds,
    ropeRows:
      longTextTokens(spec) === undefined
        ? inputs.queries.positions
        : graph.input(ropeRowsInput, 'int64', inputs.queries.positions.dims),
    rope(wanted) {
      const tables = ropes.get(wanted);
      invariant(tables, 'the layers of the model have no other rope');
      return tables;
    },
    masks,
    weight,
    embed(module, ids) {
      const embedded = graph.gather(weight(`${module}.weight`), ids);
      return method?.extendEmbedding?.(methodGraph, ids, embedded) ?? embedded;
    },
    linear: (module, x) => linears([module], x)[0] as Tensor, // one for each module
    linears,
    ...(inputs.joinCache ? { joinCache: inputs.joinCache } : {}),
    ...(inputs.attentionBlock === undefined
      ? {}
      : { blockwise: { block: inputs.attentionBlock, places: inputs.queries } }),
  };
  const hidden = decoderForward(spec, context);
  const extended = method?.extendHead?.(methodGraph, hidden);
  const own = `${model.embeddings.output.module}.weight`;
  const untied = (): Tensor => replaced(own) ?? frozen(outputEmbedding(spec));
  const name = outputEmbedding(spec);
  const isUntied = spec.tiedEmbeddings && method?.unties === true;
  const head = isUntied ? untied() : weight(name);
  const isFrozen = !extended && !replaced(name) && !(isUntied && replaced(own));
  const isCast =
    model.base.tensors.get(name)?.dtype !== storedAs[graph.float] && !packedMatrix(graph, model.base, name);
  return {
    states: { hidden, ...(extended ? { low: extended.low } : {}) },
    head: {
      weight: head,
      ...(extended ? { update: extended.update } : {}),
      ...(isFrozen && isCast ? { parts: (count: number) => storedRows(graph, model.base, name, count) } : {}),
    },
    parameters,
  };
}

/** Writes the derived values of a model's method into a graph of their own, each an output under its name. */
export function writeDerived(graph: GraphBuilder, model: TunedModel): void {
  const weight = memoised((name: string) => frozenWeight(graph, model.base, name));
  const product = (module: string, x: Tensor): Tensor => graph.matmul(x, weight(`${module}.weight`), { transB: true });
  const { methodGraph } = openMethodGraph(graph, model, { weight, product });
  for (const value of model.method?.derived ?? []) graph.output(value.name, value.of(methodGraph));
}

/** Declares what a method is fed, and what it sees of the graph. */
function openMethodGraph(
  graph: GraphBuilder,
  { method }: Pick<TunedModel, 'method'>,
  parts: Pick<MethodGraph, 'weight' | 'product'> & Pick<ForwardInputs, 'dropoutSeed' | 'tasks' | 'derivedFed'>,
): { readonly methodGraph: MethodGraph; readonly parameters: readonly Tensor[] } {
  const inputsOf = (values: readonly Pick<Parameter, 'name' | 'shape'>[] = []): Map<string, Tensor> =>
    new Map(values.map(({ name, shape }) => [name, graph.input(name, graph.float, shape)]));
  const [parameters, constants] = [inputsOf(method?.parameters), inputsOf(method?.constants)];
  const fed = parts.derivedFed ? inputsOf(method?.derived) : undefined;
  const parameter = (name: string): Tensor => {
    const tensor = parameters.get(name) ?? constants.get(name);
    invariant(tensor, `${name} is a parameter of the method`);
    return tensor;
  };
  const methodGraph: MethodGraph = {
    graph,
    dropoutSeed: parts.dropoutSeed,
    tasks: parts.tasks,
    parameter,
    held: (name) => graph.detach(parameter(name)),
    weight: parts.weight,
    fed: (name) => fed?.get(name),
    product: parts.product,
  };
  return { methodGraph, parameters: [...parameters.values()] };
}

const graphTypes: Partial<Readonly<Record<Dtype, DType>>> = {
  F32: 'float32',
  F64: 'float64',
  F16: 'float16',
  BF16: 'bfloat16',
};

/** How values of the type of a graph are stored that it reads as they are. */
const storedAs: Readonly<Record<FloatType, Dtype>> = { float32: 'F32', float64: 'F64' };

/** The rows of a matrix in so many parts, as they are stored and where. */
function storedRows(graph: GraphBuilder, base: BaseModelFolder, name: string, count: number): readonly Tensor[] {
  const stored = base.tensors.get(name);
  const dtype = stored && graphTypes[stored.dtype];
  invariant(stored && dtype, `the tensors of the base were checked, so ${name} is there`);
  const { file, offset, lengthBytes, shape } = stored;
  const [rows = 0, columns = 0] = shape;
  const each = Math.ceil(rows / count);
  const rowBytes = lengthBytes / rows;
  return Array.from({ length: Math.ceil(rows / each) }, (_, i) => {
    const size = Math.min(each, rows - i * each);
    const place = { location: file, offset: offset + i * each * rowBytes, lengthBytes: size * rowBytes };
    return graph.external(`${name} from ${i * each}`, dtype, [size, columns], place);
  });
}

/** A weight that stays in its safetensors file, cast to the graph's float type or unpacked where it is used. */
export function frozenWeight(graph: GraphBuilder, base: BaseModelFolder, name: string): Tensor {
  const packed = packedMatrix(graph, base, name);
  if (packed) {
    const { parts, packing, shape } = packed;
    return graph.apply('Unpack', parts, { packing, shape, to: graph.float });
  }
  const stored = base.tensors.get(name);
  const dtype = stored && graphTypes[stored.dtype];
  invariant(stored && dtype, `the tensors of the base were checked, so ${name} is there`);
  const { file, offset, lengthBytes, shape } = stored;
  const tensor = graph.external(name, dtype, shape, { location: file, offset, lengthBytes });
  return graph.cast(tensor, graph.float);
}

/** Tensors that some exporters write and no forward pass reads. */
const ignoredTensors = /\.rotary_emb\.inv_freq$/;

function checkTensors(
  { spec, tensors }: { spec: DecoderSpec; tensors: TunableModel['tensors'] },
  base: BaseModelFolder,
): void {
  const findings: Finding[] = [];
  const error = (where: string, message: string): void => {
    findings.push({ severity: 'error', code: 'base-tensors', where, message });
  };
  const expected = new Set<string>();
  for (const { name, shape } of tensors) {
    expected.add(name);
    const stored = base.tensors.get(name);
    if (!stored) error(name, 'The checkpoint does not hold this tensor.');
    else if (stored.shape.join() !== shape.join())
      error(name, `Its shape is [${stored.shape.join(', ')}], but config.json makes it [${shape.join(', ')}].`);
    else if (!graphTypes[stored.dtype] && !stored.packed)
      error(name, `Its element type ${stored.dtype} is not one a model is run with.`);
  }
  // where only the architecture's default ties, a head of its own says otherwise: neither is guessed at
  const saysTied = spec.tiedEmbeddings && base.config['tie_word_embeddings'] === true;
  for (const name of base.tensors.keys())
    if (!expected.has(name) && !ignoredTensors.test(name) && !(saysTied && name === 'lm_head.weight'))
      error(
        name,
        'The architecture of config.json has no such tensor, so the model would be run without a part of it.',
      );
  refuseErrors('base-tensors', `The base model in ${base.path} does not fit its config.json:`, findings);
}

function memoised<K, T>(make: (key: K) => T): (key: K) => T {
  const made = new Map<K, T>();
  return (key) => {
    const known = made.get(key);
    if (known !== undefined) return known;
    const value = make(key);
    made.set(key, value);
    return value;
  };
}

/** The method of an evaluation without an adapter. */
export function requireMethod(model: TunedModel): Method {
  if (model.method) return model.method;
  throw new DomainError('method-missing', 'A training graph needs a method.');
}
