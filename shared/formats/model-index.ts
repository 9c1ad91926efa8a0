import { refuseErrors, type Finding } from '../errors.ts';
import { duplicateJsonKeys } from './duplicate-json-keys.ts';
import { tensorLengthBytes, type TensorToWrite } from './safetensors-write.ts';

/** Names that Hugging Face libraries look for in a model folder. */
export const singleModelFileName = 'model.safetensors';
export const modelIndexFileName = 'model.safetensors.index.json';

/** What `model.safetensors.index.json` says: which file holds which tensor. */
export interface ModelIndex {
  readonly weightMap: ReadonlyMap<string, string>;
  /** Bytes of all tensors as the index states it; many published indexes are off, so this is information, not truth. */
  readonly totalSizeBytes: number | undefined;
}

/** One file of a checkpoint to be written. */
export interface Shard<T> {
  readonly fileName: string;
  readonly tensors: readonly T[];
  readonly lengthBytes: number;
}

/** Parses `model.safetensors.index.json`; throws `DomainError('model-index-malformed')` with all findings. */
export function parseModelIndex(text: string, fileName: string = modelIndexFileName): ModelIndex {
  const findings: Finding[] = [];
  const error = (code: string, message: string, where?: string): void =>
    void findings.push({ severity: 'error', code, message, ...(where === undefined ? {} : { where }) });
  const weightMap = new Map<string, string>();
  let totalSizeBytes: number | undefined;
  const root = parseObject(text);
  if (root === undefined) error('not-json', 'it is not a JSON object');
  else {
    for (const path of duplicateJsonKeys(text))
      error('duplicate-key', `the key ${path.map((key) => JSON.stringify(key)).join(' > ')} appears more than once`);
    const { weight_map: map, metadata } = root;
    if (!isObject(map)) error('weight-map', '"weight_map" is missing or is not an object');
    else
      for (const [tensor, file] of Object.entries(map)) {
        if (typeof file !== 'string' || !isPlainFileName(file))
          error(
            'shard-name',
            `${JSON.stringify(file)} is not the name of a .safetensors file in the same folder`,
            tensor,
          );
        else weightMap.set(tensor, file);
      }
    if (isObject(metadata) && typeof metadata['total_size'] === 'number') totalSizeBytes = metadata['total_size'];
  }
  refuseErrors('model-index-malformed', `${fileName} cannot be read:`, findings);
  return { weightMap, totalSizeBytes };
}

/**
 * Divides tensors, in their order, into files of at most `shardBytesMax` of data; a larger tensor gets a file of its own.
 * Names are Hugging Face's: `model.safetensors` when one file is enough, else `model-00001-of-00003.safetensors`...
 */
export function planShards<T extends Pick<TensorToWrite, 'name' | 'dtype' | 'shape'>>(
  tensors: readonly T[],
  shardBytesMax: number,
): Shard<T>[] {
  const groups: { tensors: T[]; lengthBytes: number }[] = [];
  for (const tensor of tensors) {
    const lengthBytes = tensorLengthBytes(tensor);
    const last = groups.at(-1);
    if (last && last.lengthBytes + lengthBytes <= shardBytesMax) {
      last.tensors.push(tensor);
      last.lengthBytes += lengthBytes;
    } else groups.push({ tensors: [tensor], lengthBytes });
  }
  if (groups.length === 0) groups.push({ tensors: [], lengthBytes: 0 });
  return groups.map((group, i) => ({
    fileName:
      groups.length === 1
        ? singleModelFileName
        : `model-${fiveDigits(i + 1)}-of-${fiveDigits(groups.length)}.safetensors`,
    ...group,
  }));
}

/** The text of `model.safetensors.index.json` for these files. */
export function encodeModelIndex(shards: readonly Shard<{ readonly name: string }>[]): string {
  const totalSizeBytes = shards.reduce((sum, shard) => sum + shard.lengthBytes, 0);
  const files = shards.flatMap((shard) => shard.tensors.map((tensor) => [tensor.name, shard.fileName] as const));
  files.sort(([a], [b]) => (a < b ? -1 : 1));
  const index = { metadata: { total_size: totalSizeBytes }, weight_map: Object.fromEntries(files) };
  return `${JSON.stringify(index, undefined, 2)}\n`;
}

function fiveDigits(n: number): string {
  return String(n).padStart(5, '0');
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An index comes from outside: it must not be able to point out of its folder. */
function isPlainFileName(name: string): boolean {
  return name.endsWith('.safetensors') && !/[/\\:\0]/.test(name);
}
