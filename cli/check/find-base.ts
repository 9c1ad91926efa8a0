import { stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import type { BaseTensor } from '../../shared/domain/base-modules.ts';
import { DomainError } from '../../shared/errors.ts';
import { openFileSource } from '../../shared/files/file-source.ts';
import { modelIndexFileName, parseModelIndex, singleModelFileName } from '../../shared/formats/model-index.ts';
import { readSafetensorsHeader } from '../../shared/formats/safetensors-read.ts';
import { cachedSnapshot, isHubId, type Environment } from '../../shared/hub/hub-cache.ts';

/** The tensors of a base, from the headers of its files alone. */
export interface FoundBase {
  readonly folder: string;
  readonly tensors: readonly BaseTensor[];
}

/**
 * The base in a folder, or of a model id in the local Hugging Face cache; nothing is downloaded. Undefined where there is none.
 * A relative folder starts at `from`. Throws `DomainError` when it is there and cannot be read.
 */
export async function findBase(
  name: string,
  environment: Environment,
  options: { readonly from: string; readonly revision?: string | null },
): Promise<FoundBase | undefined> {
  const path = isAbsolute(name) ? name : resolve(options.from, name);
  if ((await stat(path).catch(() => undefined))?.isDirectory() === true) return readBase(path);
  if (!isHubId(name)) return undefined;
  const snapshot = await cachedSnapshot(name, environment, options.revision ?? 'main');
  return snapshot && readBase(snapshot.folder);
}

async function readBase(folder: string): Promise<FoundBase> {
  const tensors: BaseTensor[] = [];
  for (const file of await weightFiles(folder)) {
    const source = await openFileSource(join(folder, file));
    try {
      tensors.push(...(await readSafetensorsHeader(source)).tensors.values());
    } finally {
      await source.close();
    }
  }
  return { folder, tensors };
}

/** A single file wins over an index beside it, as in the Hugging Face libraries. */
async function weightFiles(folder: string): Promise<readonly string[]> {
  const isThere = async (name: string): Promise<boolean> =>
    (await stat(join(folder, name)).catch(() => undefined)) !== undefined;
  if (await isThere(singleModelFileName)) return [singleModelFileName];
  if (!(await isThere(modelIndexFileName)))
    throw new DomainError('base-unreadable', `${folder} has neither ${singleModelFileName} nor ${modelIndexFileName}`);
  const index = await openFileSource(join(folder, modelIndexFileName));
  try {
    const { weightMap } = parseModelIndex(new TextDecoder().decode(await index.read(0, index.sizeBytes)));
    return [...new Set(weightMap.values())].toSorted();
  } finally {
    await index.close();
  }
}
