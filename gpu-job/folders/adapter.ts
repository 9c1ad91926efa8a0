import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pairLoraTensors, type LoraPair } from '../../shared/domain/adapter-tensors.ts';
import { DomainError, invariant, refuseErrors, type Finding } from '../../shared/errors.ts';
import { openFileSource, type FileSource } from '../../shared/files/file-source.ts';
import { decodeToFloat32, encodeFromFloat32, type FloatDtype } from '../../shared/formats/dtype.ts';
import type { TensorEntry } from '../../shared/formats/safetensors-header.ts';
import { readSafetensorsHeader, readTensor } from '../../shared/formats/safetensors-read.ts';
import { writeSafetensors, type TensorToWrite } from '../../shared/formats/safetensors-write.ts';
import { encodeLoraConfig, isAllLinear, parseLoraConfig } from '../../shared/methods/lora-config-file.ts';
import { loraUnsupported } from '../../shared/methods/lora-unsupported.ts';
import {
  loraEmbeddingNames,
  loraScaling,
  loraTensorNames,
  savedTensorName,
  type LoraConfig,
} from '../../shared/methods/lora.ts';
import { collectFindings } from './collect-findings.ts';
import { readJsonFile, writeFileAtomic, writeFolderAtomic } from './files.ts';

/** One adapted module: its weight W becomes W + scaling * B A, and with a magnitude each row of that gets the length the magnitude says. */
export interface LoraModule {
  /** An embedding has an output for each token; its weight is looked up in. */
  readonly kind?: 'embedding';
  /** Name in the base model, e.g. `model.layers.0.self_attn.q_proj`. */
  readonly module: string;
  readonly r: number;
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly scaling: number;
  /** [r, inFeatures], row-major. */
  readonly A: Float32Array;
  /** [outFeatures, r], row-major. */
  readonly B: Float32Array;
  /** Of DoRA: [outFeatures]. */
  readonly magnitude?: Float32Array;
}

/** A tensor that stands in for one of the base. */
export interface SavedTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface LoraAdapter {
  readonly config: LoraConfig;
  readonly modules: ReadonlyMap<string, LoraModule>;
  /** Fully trained tensors, by their names in the base. */
  readonly copies: ReadonlyMap<string, SavedTensor>;
  /** What looks odd but harms nothing. */
  readonly warnings: readonly Finding[];
}

export const adapterConfigFileName = 'adapter_config.json';
export const adapterWeightsFileName = 'adapter_model.safetensors';

/** An adapter that has been checked, values included, of which nothing is held in memory. */
export interface AdapterReader extends Omit<LoraAdapter, 'modules' | 'copies'> {
  readonly path: string;
  /** Sizes of the modules and places of their tensors. */
  readonly pairs: ReadonlyMap<string, LoraPair<TensorEntry>>;
  /** Places of the fully trained tensors, by their names in the base. */
  readonly copies: ReadonlyMap<string, TensorEntry>;
  /** Reads the factors of one of `pairs`. */
  readModule(module: string): Promise<LoraModule>;
  /** Reads one of `copies`. */
  readCopy(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Reads a PEFT adapter folder, values included, as float32; refuses what `openAdapterFolder` refuses. */
export async function readAdapterFolder(path: string): Promise<LoraAdapter> {
  const reader = await openAdapterFolder(path);
  try {
    const modules = new Map<string, LoraModule>();
    for (const module of reader.pairs.keys()) modules.set(module, await reader.readModule(module));
    const copies = new Map<string, SavedTensor>();
    for (const [name, { shape }] of reader.copies) copies.set(name, { shape, values: await reader.readCopy(name) });
    return { config: reader.config, modules, copies, warnings: reader.warnings };
  } finally {
    await reader.close();
  }
}

/**
 * Checks a PEFT adapter folder and keeps its file open; the caller closes it. Every value is looked at, one module at a time.
 * Throws `DomainError('adapter-malformed')` with all findings: of the config, of the file, of the tensors against each other
 * and the config, of the values, and of what cannot be used here.
 */
export async function openAdapterFolder(path: string): Promise<AdapterReader> {
  const names = await listAdapterFolder(path);
  const findings: Finding[] = [];
  const config = await collectFindings(findings, adapterConfigFileName, () => readConfig(path, names));
  if (config) findings.push(...loraUnsupported(config));
  const source = await collectFindings(findings, adapterWeightsFileName, () => openWeights(path, names));
  try {
    const header = source && (await collectFindings(findings, source.name, () => readSafetensorsHeader(source)));
    const paired = header && config && pairLoraTensors(config, header.tensors.values());
    findings.push(...(paired?.findings ?? []));
    if (source && paired) findings.push(...(await checkValues(source, [...paired.pairs.values()], paired.copies)));
    const warnings = refuseErrors('adapter-malformed', `${path} is not a usable LoRA adapter:`, findings);
    invariant(config && source && paired, 'an adapter without errors has a config and a file of tensors');
    const { pairs, copies } = paired;
    return {
      path,
      config,
      pairs,
      copies,
      warnings,
      async readModule(module) {
        const pair = pairs.get(module);
        invariant(pair, `${module} is a module of the adapter in ${path}`);
        const { r, inFeatures, outFeatures, kind } = pair;
        const scaling = loraScaling(config, module, r);
        const sizes = { module, r, inFeatures, outFeatures, ...(kind ? { kind } : {}) };
        return { ...sizes, scaling, ...(await readValues(source, pair)) };
      },
      async readCopy(name) {
        const entry = copies.get(name);
        invariant(entry, `${name} is a tensor of the adapter in ${path}`);
        return decodeToFloat32(entry.dtype, await readTensor(source, entry));
      },
      close: () => source.close(),
    };
  } catch (error) {
    await source?.close();
    throw error;
  }
}

export interface WriteAdapterOptions {
  /** Type of the stored values. Default F32, as PEFT trains them. */
  readonly dtype?: FloatDtype;
  /** Text of `README.md`, the model card. */
  readonly readme?: string;
  /** Further files to appear in the folder together with the adapter, by file name. */
  readonly files?: Readonly<Record<string, Uint8Array | string>>;
  /** Whether a folder at `path` may be replaced. Default false. */
  readonly replace?: boolean;
}

/**
 * Writes a PEFT adapter folder that appears complete or not at all. Throws `DomainError('adapter-unwritable')` with all findings
 * when modules and config disagree in rank, scaling or selection (a loader would compute something else), or values
 * are not finite in the stored type.
 */
export async function writeAdapterFolder(
  path: string,
  adapter: {
    readonly config: LoraConfig;
    readonly modules: Iterable<LoraModule>;
    readonly copies?: LoraAdapter['copies'];
  },
  options: WriteAdapterOptions = {},
): Promise<void> {
  const { dtype = 'F32', files = {}, readme } = options;
  const modules = [...adapter.modules];
  const config = nameTargets(adapter.config, modules);
  const copies = [...(adapter.copies ?? [])];
  const tensors = [
    ...modules.flatMap((module) => moduleTensors(module, dtype)),
    ...copies.map((copy) => copyTensor(copy, dtype)),
  ];
  const findings = [
    ...copies.flatMap(([name, { values }]) => notFinite(name, values, dtype, name)),
    ...pairLoraTensors(config, tensors).findings,
    ...modules.flatMap((module) => storedModuleFindings(module, config, dtype)),
  ];
  refuseErrors('adapter-unwritable', `The adapter cannot be written to ${path}:`, findings);
  const write = async (folder: string): Promise<void> => {
    await writeFileAtomic(join(folder, adapterWeightsFileName), (sink) => writeSafetensors(sink, tensors));
    await writeFileAtomic(join(folder, adapterConfigFileName), encodeLoraConfig(config));
    if (readme !== undefined) await writeFileAtomic(join(folder, 'README.md'), readme);
    for (const [name, content] of Object.entries(files)) await writeFileAtomic(join(folder, name), content);
  };
  await writeFolderAtomic(path, write, { replace: options.replace === true });
}

async function listAdapterFolder(path: string): Promise<ReadonlySet<string>> {
  try {
    return new Set(await readdir(path));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code; // fs rejects with errno errors
    if (code === 'ENOENT') throw new DomainError('folder-missing', `There is no folder ${path}.`);
    if (code === 'ENOTDIR')
      throw new DomainError('folder-missing', `${path} is a file; the adapter's folder is needed.`);
    throw error;
  }
}

async function readConfig(path: string, names: ReadonlySet<string>): Promise<LoraConfig> {
  if (!names.has(adapterConfigFileName) && names.has('config.json'))
    throw new DomainError('base-given', 'this folder holds a whole model; give the folder of an adapter');
  return parseLoraConfig(await readJsonFile(join(path, adapterConfigFileName)));
}

async function openWeights(path: string, names: ReadonlySet<string>): Promise<FileSource> {
  const pickle = ['adapter_model.bin', 'adapter_model.pt'].find((name) => names.has(name));
  if (!names.has(adapterWeightsFileName) && pickle !== undefined)
    throw new DomainError(
      'pickle',
      `there is only ${pickle}, a Python pickle, which can run code when loaded and is not read here: load it with PEFT and save it again (save_pretrained writes safetensors)`,
    );
  return openFileSource(join(path, adapterWeightsFileName));
}

async function checkValues(
  source: FileSource,
  pairs: readonly LoraPair<TensorEntry>[],
  copies: ReadonlyMap<string, TensorEntry>,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  let acts = copies.size > 0;
  const diverged = (where: string, at: number, value: number | undefined): Finding => {
    const message = `value ${at} is ${value}: the training run that wrote it had diverged`;
    return { severity: 'error', code: 'not-finite', message, where };
  };
  for (const entry of copies.values()) {
    const values = decodeToFloat32(entry.dtype, await readTensor(source, entry));
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at >= 0) findings.push(diverged(entry.name, at, values[at]));
  }
  for (const pair of pairs) {
    const { A, B, magnitude } = await readStored(source, pair);
    // magnitudes act by themselves; whether these do only the base could tell
    acts ||=
      magnitude !== undefined || [B, ...(pair.kind ? [A] : [])].every((half) => half.some((value) => value !== 0));
    for (const [entry, values] of [
      [pair.A, A],
      [pair.B, B],
      [pair.magnitude, magnitude],
    ] as const) {
      const at = values?.findIndex((value) => !Number.isFinite(value)) ?? -1;
      if (at < 0) continue;
      findings.push(diverged(entry?.name ?? pair.module, at, values?.[at]));
    }
  }
  const message = 'every B is zero: the adapter changes nothing, it was never trained';
  if (pairs.length > 0 && !acts)
    findings.push({ severity: 'warning', code: 'no-effect', message, where: adapterWeightsFileName });
  return findings;
}

async function readValues(
  source: FileSource,
  pair: LoraPair<TensorEntry>,
): Promise<Pick<LoraModule, 'A' | 'B' | 'magnitude'>> {
  const stored = await readStored(source, pair);
  if (!pair.kind) return stored;
  const { r, inFeatures, outFeatures } = pair;
  return { A: transposed(stored.B, inFeatures, r), B: transposed(stored.A, r, outFeatures) };
}

/** As the file has them. */
async function readStored(
  source: FileSource,
  { A, B, magnitude }: LoraPair<TensorEntry>,
): Promise<Pick<LoraModule, 'A' | 'B' | 'magnitude'>> {
  const read = async (entry: TensorEntry): Promise<Float32Array> =>
    decodeToFloat32(entry.dtype, await readTensor(source, entry));
  const factors = { A: await read(A), B: await read(B) };
  return magnitude ? { ...factors, magnitude: await read(magnitude) } : factors;
}

/** Of a matrix [rows, columns]. */
function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = values[row * columns + column] as number;
  return result;
}

/** Spells `all-linear` out as the last parts of the names: PEFT before 0.8 and most serving engines know only lists. */
function nameTargets(config: LoraConfig, modules: readonly LoraModule[]): LoraConfig {
  if (typeof config.target_modules !== 'string' || !isAllLinear(config.target_modules) || modules.length === 0)
    return config;
  const names = new Set(modules.map(({ module }) => module.slice(module.lastIndexOf('.') + 1)));
  return { ...config, target_modules: [...names].toSorted() };
}

function moduleTensors(module: LoraModule, dtype: FloatDtype): TensorToWrite[] {
  const { module: name, kind, r, inFeatures, outFeatures, A, B, magnitude } = module;
  const tensor = (own: string, shape: readonly number[], values: Float32Array): TensorToWrite => ({
    name: own,
    dtype,
    shape,
    bytes: () => Promise.resolve(encodeFromFloat32(dtype, values)),
  });
  if (kind) {
    const names = loraEmbeddingNames(name);
    return [
      tensor(names.A, [r, outFeatures], transposed(B, outFeatures, r)),
      tensor(names.B, [inFeatures, r], transposed(A, r, inFeatures)),
    ];
  }
  const names = loraTensorNames(name);
  return [
    tensor(names.A, [r, inFeatures], A),
    tensor(names.B, [outFeatures, r], B),
    ...(magnitude ? [tensor(names.magnitude, [outFeatures], magnitude)] : []),
  ];
}

function copyTensor([name, { shape, values }]: readonly [string, SavedTensor], dtype: FloatDtype): TensorToWrite {
  return { name: savedTensorName(name), dtype, shape, bytes: () => Promise.resolve(encodeFromFloat32(dtype, values)) };
}

/** What stands against storing a module: sizes, a scaling that the config does not give, values that are not finite in the stored type. */
export function storedModuleFindings(module: LoraModule, config: LoraConfig, dtype: FloatDtype): Finding[] {
  const findings: Finding[] = [];
  const error = (code: string, message: string): void =>
    void findings.push({ severity: 'error', code, message, where: module.module });
  const { r, inFeatures, outFeatures, A, B, magnitude = new Float32Array(), scaling } = module;
  if (A.length !== r * inFeatures) error('bad-shape', `A has ${A.length} values instead of ${r} x ${inFeatures}`);
  if (B.length !== outFeatures * r) error('bad-shape', `B has ${B.length} values instead of ${outFeatures} x ${r}`);
  const stored = loraScaling(config, module.module, r);
  if (!(Math.abs(scaling - stored) <= 1e-6 * Math.abs(stored)))
    error('scaling-mismatch', `it acts with scaling ${scaling}, but the config gives ${stored}: set alpha_pattern`);
  for (const [name, values] of [
    ['A', A],
    ['B', B],
    ['magnitude', magnitude],
  ] as const)
    findings.push(...notFinite(module.module, values, dtype, name));
  return findings;
}

/** Narrowing may overflow, so values are looked at as they will be read. */
function notFinite(where: string, values: Float32Array, dtype: FloatDtype, name: string): Finding[] {
  const seen = dtype === 'F32' ? values : decodeToFloat32(dtype, encodeFromFloat32(dtype, values));
  const at = seen.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return [];
  const message = `value ${at} of ${name} is ${values[at]}, which as ${dtype} is ${seen[at]}`;
  return [{ severity: 'error', code: 'not-finite', message, where }];
}
