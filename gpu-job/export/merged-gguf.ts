import type { Finding } from '../../shared/errors.ts';
import { isDecodable } from '../../shared/formats/dtype.ts';
import { permuteHeads, ropeFactorsTensor } from '../../shared/formats/gguf-llama.ts';
import { ggufTensorName, rotatedHeads, type GgufArchitecture } from '../../shared/formats/gguf-names.ts';
import { ggufWrittenTypes, type GgufWrittenType } from '../../shared/formats/gguf-quantize.ts';
import type { GgufTensorToWrite } from '../../shared/formats/gguf-write.ts';
import type { AdapterReader } from '../folders/adapter.ts';
import type { BaseModelFolder } from '../folders/base-model.ts';
import { packedFindings, planMerge } from '../merge/merge-plan.ts';
import type { DecoderSpec } from '../nn/decoder-spec.ts';
import type { RopeSpec } from '../nn/rotary.ts';
import { encodeValues } from './encode-values.ts';
import { isTied } from './export-inputs.ts';
import { ropeFactors } from './gguf-model.ts';
import type { ExportedTensor } from './tensor-values.ts';

/** A tensor of the model and how it is stored. */
export interface PlannedGgufTensor extends ExportedTensor {
  readonly name: string;
  readonly type: GgufWrittenType;
  /** Heads whose rows stand in another order; undefined where the order is the same. */
  readonly permutedHeads: number | undefined;
}

export interface MergedGgufPlan {
  readonly tensors: readonly PlannedGgufTensor[];
  readonly findings: readonly Finding[];
  /** `effective modules N of M`; null without an adapter. */
  readonly summary: string | null;
}

/** Decides from headers alone what becomes of every tensor of the base. */
export function planMergedGguf(
  base: BaseModelFolder,
  adapter: AdapterReader | undefined,
  options: {
    readonly architecture: GgufArchitecture;
    readonly spec: Pick<DecoderSpec, 'heads' | 'kvHeads' | 'windows'>;
    readonly type: GgufWrittenType;
  },
): MergedGgufPlan {
  const findings: Finding[] = [];
  const report = (severity: Finding['severity'], code: string, where: string, message: string): void =>
    void findings.push({ severity, code, where, message });
  const merge = adapter && planMerge(base, adapter, 'f32');
  findings.push(...(merge?.findings ?? packedFindings(base)));
  if (packedFindings(base).length > 0) return { tensors: [], findings, summary: null };
  const sources = merge?.tensors ?? [...base.tensors.values()].map((source) => ({ ...source, source }));
  const headless = isTied(base) && merge?.unties !== true;
  const heads = options.architecture.permutesHeads
    ? { query: options.spec.heads, key: options.spec.kvHeads }
    : undefined;
  const odd: string[] = [];
  const tensors = sources.flatMap((tensor): PlannedGgufTensor[] => {
    const { name: theirs, shape, source } = tensor;
    if (theirs.endsWith('.rotary_emb.inv_freq') || (headless && theirs === 'lm_head.weight')) return [];
    const name = ggufTensorName(theirs);
    if (name === undefined) report('error', 'gguf-cannot-say', theirs, 'GGUF has no name for this tensor');
    else if (!isDecodable(source.dtype))
      report('error', 'export-dtype', theirs, `values of type ${source.dtype} cannot be converted`);
    else {
      const type = storedType(shape, options.type);
      if (shape.length > 1 && type !== options.type) odd.push(name);
      const permutedHeads = heads && rotatedHeads(theirs.replace(/\.(weight|bias)$/, ''), heads);
      return [{ ...tensor, name, type, permutedHeads }];
    }
    return [];
  });
  if (odd[0] !== undefined)
    report('warning', 'not-quantized', odd[0], `rows are no whole blocks of 32, so ${odd.length} tensors are f16`);
  const window = options.spec.windows.find((length) => length !== undefined);
  if (window !== undefined)
    report(
      'warning',
      'no-window',
      'config.json: sliding_window',
      `llama.cpp looks at the whole past for this architecture: texts longer than ${window} tokens go on otherwise than in the base`,
    );
  return { tensors, findings, summary: merge?.summary ?? null };
}

/** The tensors to write; `values` gives float32 pieces of whole rows. */
export function mergedGgufTensors(
  planned: readonly PlannedGgufTensor[],
  rope: RopeSpec,
  values: (tensor: ExportedTensor) => AsyncGenerator<Float32Array>,
): GgufTensorToWrite[] {
  const factors = ropeFactors(rope);
  const tensors = planned.map((tensor): GgufTensorToWrite => {
    const { name, type, shape, permutedHeads } = tensor;
    return {
      name,
      type,
      shape,
      async *bytes() {
        if (permutedHeads === undefined)
          for await (const piece of values(tensor)) yield encodeValues(name, type, piece);
        else {
          const whole = await gathered(values(tensor), shape);
          yield encodeValues(name, type, permuteHeads(whole, permutedHeads, shape[1] ?? 1));
        }
      },
    };
  });
  if (factors === undefined) return tensors;
  const bytes = (): Promise<Uint8Array> => Promise.resolve(encodeValues(ropeFactorsTensor, 'F32', factors));
  return [{ name: ropeFactorsTensor, type: 'F32', shape: [factors.length], bytes }, ...tensors];
}

/** Norms and biases stay f32, as llama.cpp wants them; rows that are no whole blocks become f16. */
function storedType(shape: readonly number[], asked: GgufWrittenType): GgufWrittenType {
  if (shape.length < 2) return 'F32';
  return (shape.at(-1) ?? 1) % ggufWrittenTypes[asked].blockValues === 0 ? asked : 'F16';
}

async function gathered(pieces: AsyncGenerator<Float32Array>, shape: readonly number[]): Promise<Float32Array> {
  const whole = new Float32Array(shape.reduce((product, dim) => product * dim, 1));
  let at = 0;
  for await (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
