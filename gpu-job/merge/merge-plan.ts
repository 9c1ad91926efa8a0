import { adapterFit } from '../../shared/domain/adapter-fit.ts';
import type { LoraPair } from '../../shared/domain/adapter-tensors.ts';
import type { Finding } from '../../shared/errors.ts';
import { isDecodable, type Dtype, type FloatDtype } from '../../shared/formats/dtype.ts';
import type { TensorEntry } from '../../shared/formats/safetensors-header.ts';
import type { AdapterReader } from '../folders/adapter.ts';
import type { BaseModelFolder } from '../folders/base-model.ts';
import type { CheckpointTensor } from '../folders/checkpoint-tensor.ts';

/** `keep`: each tensor's own element type; otherwise every tensor of floats is written in this one. */
export type MergeDtype = 'keep' | 'f32' | 'bf16' | 'f16';

/** One tensor of the merged model. */
export interface MergedTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Where its values come from. */
  readonly source: CheckpointTensor;
  /** The update that is added; absent: the values stay. */
  readonly update?: LoraPair<TensorEntry>;
  /** The fully trained tensor that stands in for it. */
  readonly copy?: TensorEntry;
}

export interface MergePlan {
  /** In the order of the base's files; a new output embedding comes last. */
  readonly tensors: readonly MergedTensor[];
  /** Whether the output embedding gets a tensor of its own, having shared that of the input until now. */
  readonly unties: boolean;
  /** `effective modules N of M`. */
  readonly summary: string;
  /** Everything that stands against the merge, and what does not act. */
  readonly findings: readonly Finding[];
}

/** Decides from headers alone what becomes of every tensor of the base. */
export function planMerge(base: BaseModelFolder, adapter: AdapterReader, dtype: MergeDtype): MergePlan {
  const packed = packedFindings(base);
  if (packed.length > 0) return { tensors: [], unties: false, summary: '', findings: packed };
  const embedding = base.tensors.get(inputEmbedding);
  const tied = base.config['tie_word_embeddings'] === true || !base.tensors.has(outputEmbedding);
  const parts = [inputModule, outputModule].some(
    (module) => adapter.pairs.has(module) || adapter.copies.has(`${module}.weight`),
  );
  const unties = tied && embedding !== undefined && parts;
  // Input and output part where either is trained, since each then has values of its own. A tied output embedding is computed with the input's tensor, whatever a stored copy holds.
  const output = unties ? { ...embedding, name: outputEmbedding } : undefined;
  const sources = [...base.tensors.values()].filter(({ name }) => !output || name !== outputEmbedding);
  if (output) sources.push(output);
  const copies = [...adapter.copies].map(([name, { shape }]) => ({ name, shape }));
  const fit = adapterFit(adapter.config, adapter.pairs.values(), sources, copies);
  const findings = [...fit.findings];
  const tensors = sources.map((source): MergedTensor => {
    const update = adapter.pairs.get(source.name.replace(/\.weight$/, ''));
    const acts = update !== undefined && source.name === `${update.module}.weight`;
    const copy = adapter.copies.get(source.name);
    findings.push(...dtypeFindings(source, acts || copy !== undefined, dtype));
    const { name, shape } = source;
    return {
      name,
      shape,
      source,
      dtype: targetDtype(source.dtype, dtype),
      ...(acts ? { update } : {}),
      ...(copy ? { copy } : {}),
    };
  });
  return { tensors, unties, summary: fit.summary, findings };
}

/** Why packed weights cannot be written as floats, and what to do; empty where none are packed. */
export function packedFindings(base: BaseModelFolder): Finding[] {
  const [first] = [...base.tensors.values()].filter(({ packed }) => packed);
  if (!first) return [];
  const message =
    'its weights are packed in few bits: take the float model that they were made of, or unpack them first with lorary quantize --type bf16 (or f32)';
  return [{ severity: 'error', code: 'packed-weights', message, where: first.name }];
}

const inputModule = 'model.embed_tokens';
const inputEmbedding = `${inputModule}.weight`;
const outputModule = 'lm_head';
const outputEmbedding = `${outputModule}.weight`;

const dtypes: Readonly<Record<Exclude<MergeDtype, 'keep'>, FloatDtype>> = { f32: 'F32', bf16: 'BF16', f16: 'F16' };

/** By the name: F32, BF16, F8_E4M3... */
function holdsFloats(dtype: Dtype): boolean {
  return /^B?F/.test(dtype);
}

function targetDtype(source: Dtype, dtype: MergeDtype): Dtype {
  return dtype === 'keep' || !holdsFloats(source) ? source : dtypes[dtype];
}

function dtypeFindings({ name, dtype: stored }: CheckpointTensor, acts: boolean, dtype: MergeDtype): Finding[] {
  const refuse = (message: string): Finding[] => [{ severity: 'error', code: 'merge-dtype', message, where: name }];
  if (acts && !isDecodable(stored)) return refuse(`an update cannot be added to values of type ${stored}`);
  if (acts && stored === 'F64' && dtype === 'keep')
    return refuse('float64 weights cannot be written; choose f32, bf16 or f16 as dtype');
  if (dtype !== 'keep' && holdsFloats(stored) && !isDecodable(stored))
    return refuse(`values of type ${stored} cannot be converted; keep their type`);
  return [];
}
