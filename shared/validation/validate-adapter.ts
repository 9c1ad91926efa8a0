import type { AdapterValidation, ValidatedModule } from '../contract/adapter-validation.ts';
import { adapterFileFindings } from '../domain/adapter-files.ts';
import { adapterUses } from '../domain/adapter-uses.ts';
import type { BaseTensor } from '../domain/base-modules.ts';
import { tried } from '../domain/stored-lora.ts';
import type { Finding } from '../errors.ts';
import type { ByteSource } from '../formats/bytes.ts';
import { shapeSize } from '../formats/dtype.ts';
import { limits } from '../limits.ts';
import { reshapingSettings } from '../methods/lora-unsupported.ts';
import { loraScaling } from '../methods/lora.ts';
import { readConfigFile } from './read-config-file.ts';
import { readOnce, type IncrementalHash, type OnceSource } from './read-once.ts';
import { readWeights, type Weights } from './read-weights.ts';

/** The files of an adapter, wherever they are. */
export interface AdapterFiles {
  /** Names of all files, relative to the folder, with `/` between the parts. */
  readonly names: readonly string[];
  /** `adapter_config.json` and `adapter_model.safetensors`, where they are there. */
  readonly config?: ByteSource;
  readonly weights?: ByteSource;
}

export interface ValidateOptions {
  /** Makes the hash (SHA-256) of a file's bytes. */
  readonly newHash: () => IncrementalHash;
  /** Every tensor of the base, from its headers; without them, only what needs no base is checked. */
  readonly baseTensors?: Iterable<BaseTensor> | undefined;
  /** Whether files that do not belong to an adapter are errors, as in an upload, or warnings. Default true. */
  readonly refuseOtherFiles?: boolean;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Ends the work between two pieces; the call then rejects with the signal's reason. */
  readonly stop?: AbortSignal;
}

/**
 * Checks an adapter: files, config, tensors, every value, and against the base. Each file is read once, front to back, in
 * pieces; memory does not grow with it. What is wrong is in the result, all of it; rejects only when a source does.
 */
export async function validateAdapter(files: AdapterFiles, options: ValidateOptions): Promise<AdapterValidation> {
  const findings = adapterFileFindings(files.names, { refuseOthers: options.refuseOtherFiles ?? true });
  const totalBytes = (files.config?.sizeBytes ?? 0) + (files.weights?.sizeBytes ?? 0);
  let before = 0;
  const hashes: AdapterValidation['files'] = [];
  const reading = async <T>(source: ByteSource, work: (once: OnceSource) => Promise<T>): Promise<T> => {
    const onRead = (bytes: number): void => options.onProgress?.(before + bytes, totalBytes);
    const once = readOnce(source, { hash: options.newHash(), onRead, stop: options.stop });
    const result = await work(once);
    hashes.push({ name: source.name, sizeBytes: source.sizeBytes, sha256: await once.finish() });
    before += source.sizeBytes;
    return result;
  };
  const config = files.config && (await reading(files.config, (once) => readConfigFile(once, findings)));
  const weights =
    files.weights && (await reading(files.weights, (once) => readWeights(once, config, options.baseTensors)));
  findings.push(...(config?.findings ?? []), ...(weights?.findings ?? []));
  const errors = findings.filter(({ severity }) => severity === 'error');
  const modules = weights ? modulesOf(weights) : [];
  const selected = weights?.fit?.selected ?? null;
  const effective = weights?.fit ? modules.filter((module) => module.effective === true).length : null;
  const tensors = weights?.tensors ?? [];
  return {
    ok: errors.length === 0,
    summary: summaryOf(modules.length, effective, selected),
    findings: shortened(findings),
    peftType: config?.peftType ?? '',
    baseModel: config?.baseModel ?? null,
    baseRevision: config?.revision ?? null,
    checkedAgainstBase: weights?.fit !== undefined,
    effectiveModules: effective,
    selectedModules: selected,
    ranks: [...new Set(modules.map(({ r }) => r))].toSorted((a, b) => a - b),
    dtypes: [...new Set(tensors.map(({ dtype }) => dtype))].toSorted(),
    parameters: tensors.reduce((sum, { shape }) => sum + shapeSize(shape), 0),
    modules,
    deltaOnly:
      weights?.lora !== undefined && !weights.lora.actsOtherwise && weights.lora.pairs.size * 2 === tensors.length,
    files: hashes,
    usable: copyOf(adapterUses(config?.lora, tensors, errors)),
  };
}

function modulesOf({ rules: config, lora, fit, scan }: Weights): ValidatedModule[] {
  if (!lora || !scan || !config) return [];
  const exact = reshapingSettings(config).length === 0;
  return [...lora.pairs.values()].map(({ module, r, inFeatures, outFeatures, A, B }) => {
    const scaling = tried(() => loraScaling(config, module, r)) ?? null;
    const known = exact && scaling !== null ? scan.deltas.get(module) : undefined;
    // float64 factors can be larger than the float32 values they are computed with
    const delta = known && Number.isFinite(known.norm) && Number.isFinite(known.probe) ? known : undefined;
    return {
      module,
      r,
      inFeatures,
      outFeatures,
      scaling,
      deltaNorm: delta && scaling !== null ? Math.abs(scaling) * delta.norm : null,
      deltaProbe: delta && scaling !== null ? scaling * delta.probe : null,
      zero: scan.zero.has(A.name) || scan.zero.has(B.name),
      effective: fit ? fit.effective.has(module) : null,
    };
  });
}

function summaryOf(modules: number, effective: number | null, selected: number | null): string {
  if (effective === null) return `${modules} modules, not checked against a base`;
  return `effective modules ${effective} of ${selected ?? modules}`;
}

/** Of each code the first ones, and how many more there are. */
function shortened(findings: readonly Finding[]): Finding[] {
  const counts = new Map<string, number>();
  const shown = findings.filter(({ code }) => {
    const count = (counts.get(code) ?? 0) + 1;
    counts.set(code, count);
    return count <= limits.validationFindingsMax;
  });
  for (const [code, count] of counts) {
    const more = count - limits.validationFindingsMax;
    const severity = findings.find((finding) => finding.code === code)?.severity ?? 'warning';
    if (more > 0) shown.push({ severity, code, message: `and ${more} more of this kind` });
  }
  return shown;
}

function copyOf({ train, compose, merge }: ReturnType<typeof adapterUses>): AdapterValidation['usable'] {
  const copy = ({ possible, why }: typeof train): { possible: boolean; why: string[] } => ({ possible, why: [...why] });
  return { train: copy(train), compose: copy(compose), merge: copy(merge) };
}
