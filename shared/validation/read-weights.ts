import type { BaseTensor } from '../domain/base-modules.ts';
import { adapterWeightsName } from '../domain/adapter-files.ts';
import { patternWorkFindings } from '../domain/pattern-work.ts';
import { storedFit, type StoredFit } from '../domain/stored-fit.ts';
import { storedLora, type StoredLora } from '../domain/stored-lora.ts';
import { DomainError, findingsOf, type Finding } from '../errors.ts';
import { isDecodable } from '../formats/dtype.ts';
import type { TensorEntry } from '../formats/safetensors-header.ts';
import { readSafetensorsHeader } from '../formats/safetensors-read.ts';
import { limits } from '../limits.ts';
import type { AdapterConfig } from '../methods/adapter-config.ts';
import { loraTensorRole, type LoraConfig } from '../methods/lora.ts';
import type { OnceSource } from './read-once.ts';
import { scanWeights, type WeightsScan } from './scan-weights.ts';

/** What is known of a weights file. */
export interface Weights {
  readonly tensors: readonly TensorEntry[];
  /** The config that the tensors were held against. */
  readonly rules?: LoraConfig;
  /** Only of LoRA adapters. */
  readonly lora?: StoredLora<TensorEntry>;
  readonly fit?: StoredFit;
  readonly scan?: WeightsScan;
  readonly findings: readonly Finding[];
}

/** Reads a weights file and everything it holds against the config and the base. Nothing of it is thrown but the source's own errors. */
export async function readWeights(
  source: OnceSource,
  config: AdapterConfig | undefined,
  baseTensors: Iterable<BaseTensor> | undefined,
): Promise<Weights> {
  let tensors: readonly TensorEntry[];
  try {
    tensors = [...(await readSafetensorsHeader(source, limits.adapterHeaderBytesMax)).tensors.values()];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return { tensors: [], findings: findingsOf(error, adapterWeightsName) };
  }
  const base = baseTensors && [...baseTensors];
  const tooMuch = config?.lora ? patternWorkFindings(config.lora, moduleNames(tensors, base ?? [])) : [];
  const rules = tooMuch.length > 0 ? undefined : config?.lora;
  // without a sound config the tensors are still held against each other
  const lora =
    config === undefined || config.peftType === '' || config.peftType === 'LORA'
      ? storedLora(rules, tensors)
      : undefined;
  const fit = rules && lora && base && storedFit(rules, lora, base);
  const scan = await scanWeights(source, tensors, lora?.pairs ?? new Map());
  const findings = [
    ...tooMuch,
    ...(lora?.findings ?? []),
    ...(fit?.findings ?? []),
    ...scan.findings,
    ...zeroFindings(tensors, lora, scan),
    ...(rules && lora ? oddities(rules, lora) : []),
  ];
  return { tensors, ...(rules ? { rules } : {}), ...(lora ? { lora } : {}), ...(fit ? { fit } : {}), scan, findings };
}

/** Every name that a pattern of the config may be tried on. */
function* moduleNames(tensors: readonly TensorEntry[], base: readonly BaseTensor[]): Iterable<string> {
  for (const { name } of tensors) {
    const role = loraTensorRole(name);
    if ('module' in role) yield role.module;
  }
  for (const { name } of base) yield name.replace(/\.[^.]*$/, '');
}

/** An adapter that changes nothing was never trained, or was saved at the wrong moment. */
function zeroFindings(
  tensors: readonly TensorEntry[],
  lora: StoredLora<TensorEntry> | undefined,
  scan: WeightsScan,
): Finding[] {
  const found = (severity: Finding['severity'], code: string, message: string): Finding[] => [
    { severity, code, message, where: adapterWeightsName },
  ];
  if (!lora) {
    const floats = tensors.filter(({ dtype }) => isDecodable(dtype));
    const nothing = floats.length > 0 && floats.every(({ name }) => scan.zero.has(name));
    return nothing ? found('error', 'all-zero', 'every value is zero: the adapter was never trained') : [];
  }
  const idle = [...lora.pairs.values()].filter(({ A, B }) => scan.zero.has(A.name) || scan.zero.has(B.name));
  if (idle.length === 0) return [];
  if (idle.length < lora.pairs.size)
    return found(
      'warning',
      'some-zero',
      `${idle.length} of ${lora.pairs.size} modules have a B that is zero and change nothing`,
    );
  const message = 'every B is zero: its modules change nothing, it was never trained';
  return found(lora.actsOtherwise ? 'warning' : 'error', 'all-zero', message);
}

/** What is sound, but seldom meant. */
function oddities(config: LoraConfig, { pairs }: StoredLora<TensorEntry>): Finding[] {
  const findings: Finding[] = [];
  const warn = (code: string, where: string, message: string): void =>
    void findings.push({ severity: 'warning', code, where, message });
  const init = config.init_lora_weights;
  if (typeof init === 'string' && /^(pissa|olora|corda|lora_ga|loftq)/i.test(init))
    warn(
      'init-changes-base',
      'init_lora_weights',
      `"${init}" changes the base's weights: on the plain base the adapter is right only if it was converted when it was saved`,
    );
  for (const { module, kind, r, inFeatures, outFeatures } of pairs.values()) {
    if (kind === 'parameter') continue;
    if (r > Math.min(inFeatures, outFeatures))
      warn(
        'rank-above-size',
        module,
        `its rank ${r} is more than the smaller side of the module, ${Math.min(inFeatures, outFeatures)}`,
      );
    if (r > limits.validationRankMax)
      warn(
        'norm-skipped',
        module,
        `the norm of its delta is not computed: the rank ${r} is above ${limits.validationRankMax}`,
      );
  }
  return findings;
}
