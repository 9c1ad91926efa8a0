import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DomainError, refuseErrors, type Finding } from '../../shared/errors.ts';
import { openFileSource } from '../../shared/files/file-source.ts';
import { decodeToFloat32 } from '../../shared/formats/dtype.ts';
import { unpack } from '../../shared/formats/unpack.ts';
import { modelIndexFileName, parseModelIndex, singleModelFileName } from '../../shared/formats/model-index.ts';
import type { TensorEntry } from '../../shared/formats/safetensors-header.ts';
import { readTensor } from '../../shared/formats/safetensors-read.ts';
import type { CheckpointTensor } from './checkpoint-tensor.ts';
import { collectFindings } from './collect-findings.ts';
import { packedTensors } from './packed-weights.ts';
import { readJsonFile, readTextFile } from './files.ts';
import { headerOfFile } from './header-of-file.ts';

/** A model folder in Hugging Face layout whose headers have been read and checked; no weight has been touched. */
export interface BaseModelFolder {
  readonly path: string;
  /** `config.json` as it stands; the model families check what they use of it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** In the order of the files, then of the data in each file. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  /** Names of the safetensors files. */
  readonly files: readonly string[];
  /** What looks odd but harms nothing. */
  readonly warnings: readonly Finding[];
}

/**
 * Opens a base model folder: `config.json` and `model.safetensors`, or several files with `model.safetensors.index.json`.
 * Throws `DomainError('base-model-malformed')` with the findings of all files.
 */
export async function openBaseModel(path: string): Promise<BaseModelFolder> {
  const names = await listFolder(path);
  const findings: Finding[] = [];
  const config = await collectFindings(findings, 'config.json', () => readConfig(path, names));
  const layout = await collectFindings(findings, modelIndexFileName, () => findWeightFiles(path, names));
  const tensors = new Map<string, CheckpointTensor>();
  for (const file of layout?.files ?? []) {
    const header = await collectFindings(findings, file, () => headerOfFile(join(path, file)));
    for (const entry of header?.tensors.values() ?? []) {
      const other = tensors.get(entry.name);
      if (other === undefined) tensors.set(entry.name, { ...entry, file });
      else
        findings.push({
          severity: 'error',
          code: 'tensor-in-two-files',
          message: `${entry.name} stands in ${other.file} too`,
          where: file,
        });
    }
    if (header && layout?.weightMap) findings.push(...compareWithIndex(layout.weightMap, file, header.tensors));
  }
  const logical = config && (await collectFindings(findings, path, () => packedTensors(path, config, tensors)));
  const warnings = refuseErrors('base-model-malformed', `${path} is not a usable base model folder:`, findings);
  return { path, config: config ?? {}, tensors: logical ?? tensors, files: layout?.files ?? [], warnings };
}

/** Reads one tensor of the base as float32 values in row-major order. Throws `DomainError` when it is missing or holds no floats. */
export async function readTensorFloat32(base: BaseModelFolder, name: string): Promise<Float32Array> {
  const entry = base.tensors.get(name);
  if (entry === undefined) throw new DomainError('tensor-missing', `${base.path} has no tensor ${name}.`);
  const { packed } = entry;
  if (!packed) return decodeToFloat32(entry.dtype, await readBytes(base.path, entry));
  const parts = packed.parts.map(async (part) => ({ dtype: part.dtype, bytes: await readBytes(base.path, part) }));
  return unpack(packed.packing, await Promise.all(parts));
}

async function readBytes(folder: string, entry: CheckpointTensor): Promise<Uint8Array> {
  const source = await openFileSource(join(folder, entry.file));
  try {
    return await readTensor(source, entry);
  } finally {
    await source.close();
  }
}

async function listFolder(path: string): Promise<ReadonlySet<string>> {
  try {
    return new Set(await readdir(path));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code; // fs rejects with errno errors
    if (code === 'ENOENT') throw new DomainError('folder-missing', `There is no folder ${path}.`);
    if (code === 'ENOTDIR') throw new DomainError('folder-missing', `${path} is a file; the model's folder is needed.`);
    throw error;
  }
}

async function readConfig(path: string, names: ReadonlySet<string>): Promise<Record<string, unknown>> {
  if (names.has('adapter_config.json') && !names.has('config.json'))
    throw new DomainError('adapter-given', 'this folder holds an adapter; give the folder of its base model');
  const config = await readJsonFile(join(path, 'config.json'));
  if (typeof config !== 'object' || config === null || Array.isArray(config))
    throw new DomainError('not-an-object', 'it is not a JSON object');
  return config as Record<string, unknown>; // a JSON object has string keys
}

interface WeightFiles {
  readonly files: readonly string[];
  readonly weightMap?: ReadonlyMap<string, string>;
}

/** A single file wins over an index beside it, as in the Hugging Face libraries. */
async function findWeightFiles(path: string, names: ReadonlySet<string>): Promise<WeightFiles> {
  if (names.has(singleModelFileName)) return { files: [singleModelFileName] };
  if (!names.has(modelIndexFileName)) throw new DomainError('no-weights', describeMissingWeights(names));
  const { weightMap } = parseModelIndex(await readTextFile(join(path, modelIndexFileName)));
  return { files: [...new Set(weightMap.values())].toSorted(), weightMap };
}

function describeMissingWeights(names: ReadonlySet<string>): string {
  const wanted = `there is neither ${singleModelFileName} nor ${modelIndexFileName}`;
  const pickles = [...names].filter((name) => /\.(bin|pt|pth)$/.test(name));
  if (pickles.length > 0)
    return `${wanted}; ${pickles.join(', ')} are Python pickles, which can run code when loaded and are not read here: save the model as safetensors`;
  const ggufs = [...names].filter((name) => name.endsWith('.gguf'));
  return ggufs.length > 0 ? `${wanted}; convert ${ggufs.join(', ')} to a folder with safetensors first` : wanted;
}

function compareWithIndex(
  weightMap: ReadonlyMap<string, string>,
  file: string,
  tensors: ReadonlyMap<string, TensorEntry>,
): Finding[] {
  const findings: Finding[] = [];
  for (const [name, home] of weightMap)
    if (home === file && !tensors.has(name))
      findings.push({
        severity: 'error',
        code: 'tensor-not-in-file',
        message: `the index says that ${name} is here, but the file has no such tensor`,
        where: file,
      });
  for (const name of tensors.keys())
    if (weightMap.get(name) !== file)
      findings.push({
        severity: 'warning',
        code: 'tensor-not-in-index',
        message: `${name} is here, but the index does not say so`,
        where: file,
      });
  return findings;
}
