import type { Finding } from '../../shared/errors.ts';
import { permuteHeads } from '../../shared/formats/gguf-llama.ts';
import type { GgufMetadata } from '../../shared/formats/gguf-metadata-write.ts';
import { ggufTensorName, rotatedHeads, type GgufArchitecture } from '../../shared/formats/gguf-names.ts';
import type { GgufWrittenType } from '../../shared/formats/gguf-quantize.ts';
import type { GgufTensorToWrite } from '../../shared/formats/gguf-write.ts';
import { loraScaling } from '../../shared/methods/lora.ts';
import type { AdapterReader, LoraModule } from '../folders/adapter.ts';
import type { DecoderSpec } from '../nn/decoder-spec.ts';
import { encodeValues } from './encode-values.ts';

/** A LoRA adapter as llama.cpp reads it. */
export interface LoraGguf {
  readonly metadata: GgufMetadata;
  readonly tensors: readonly GgufTensorToWrite[];
}

/**
 * Plans the GGUF file of an adapter. llama.cpp scales each update by alpha / r, with one alpha for all modules and r from the tensors, so
 * alpha is that scaling * r which most modules have (with `use_rslora` it is lora_alpha * sqrt(r)), and B of the others is
 * multiplied by what is left. Rows of B follow the order of the base's own weights in GGUF.
 * Source: llama.cpp, `convert_lora_to_gguf.py` and `llama-adapter.h`.
 */
export function loraGguf(
  adapter: AdapterReader,
  modules: readonly string[],
  options: {
    readonly architecture: GgufArchitecture;
    readonly spec: Pick<DecoderSpec, 'heads' | 'kvHeads'>;
    readonly type: GgufWrittenType;
    readonly name: string;
  },
): LoraGguf {
  const { architecture, spec, type } = options;
  const alphaOf = new Map(modules.map((module) => [module, ownAlpha(adapter, module)]));
  const alpha = mostCommon([...alphaOf.values()]);
  const heads = architecture.permutesHeads ? { query: spec.heads, key: spec.kvHeads } : undefined;
  const tensors = modules.flatMap((module): GgufTensorToWrite[] => {
    const { r, inFeatures, outFeatures } = sizesOf(adapter, module);
    const name = `${ggufTensorName(`${module}.weight`)}`;
    const rotated = heads && rotatedHeads(module, heads);
    const factor = (alphaOf.get(module) ?? alpha) / alpha;
    const bytes = (side: 'A' | 'B') => async (): Promise<Uint8Array> => {
      const own = await adapter.readModule(module);
      const values = side === 'A' ? own.A : storedB(own, factor, rotated);
      return encodeValues(`${module} lora_${side}`, type, values);
    };
    return [
      { name: `${name}.lora_a`, type, shape: [r, inFeatures], bytes: bytes('A') },
      { name: `${name}.lora_b`, type, shape: [outFeatures, r], bytes: bytes('B') },
    ];
  });
  return {
    metadata: {
      'general.architecture': architecture.name,
      'general.type': 'adapter',
      'general.name': options.name,
      'general.file_type': { type: 'uint32', value: type === 'F32' ? 0 : 1 },
      'adapter.type': 'lora',
      'adapter.lora.alpha': { type: 'float32', value: alpha },
    },
    tensors,
  };
}

/** What an adapter holds that its GGUF file cannot say. */
export function loraGgufFindings(modules: Iterable<string>, options: { readonly tied: boolean }): Finding[] {
  const findings: Finding[] = [];
  const refuse = (where: string, message: string): void =>
    void findings.push({ severity: 'error', code: 'gguf-cannot-say', where, message });
  for (const module of modules)
    if (module === 'lm_head' && options.tied)
      refuse(
        module,
        'the base shares its output embedding with the input, so llama.cpp has no tensor of its own to adapt: export merged-gguf',
      );
    else if (ggufTensorName(`${module}.weight`) === undefined) refuse(module, 'GGUF has no name for this module');
  return findings;
}

/** The alpha with which alpha / r is the module's scaling. */
function ownAlpha(adapter: AdapterReader, module: string): number {
  const { r } = sizesOf(adapter, module);
  return Math.fround(loraScaling(adapter.config, module, r) * r);
}

function sizesOf({ pairs }: AdapterReader, module: string): { r: number; inFeatures: number; outFeatures: number } {
  return pairs.get(module) ?? { r: 1, inFeatures: 0, outFeatures: 0 };
}

function storedB({ B, r }: LoraModule, factor: number, heads: number | undefined): Float32Array {
  const scaled = factor === 1 ? B : B.map((value) => value * factor);
  return heads === undefined ? scaled : permuteHeads(scaled, heads, r);
}

function mostCommon(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? 1;
}
