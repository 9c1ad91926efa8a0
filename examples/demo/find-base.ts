import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { DomainError } from '../../shared/errors.ts';
import { cachedSnapshot, hubModelFolder, isHubId, type Environment } from '../../shared/hub/hub-cache.ts';

/**
 * The folder of a base model: `base` itself, or the newest snapshot of a Hugging Face id in the local cache. Nothing is downloaded.
 * Throws `DomainError('base-missing')` with what to do.
 */
export async function findBase(base: string, environment: Environment): Promise<string> {
  if ((await stat(base).catch(() => undefined))?.isDirectory() === true) return resolve(base);
  if (!base.includes('/') || !isHubId(base))
    throw new DomainError('base-missing', `${base} is neither a folder nor a Hugging Face id like owner/name.`);
  const snapshot = await cachedSnapshot(base, environment);
  if (snapshot) return snapshot.folder;
  throw new DomainError(
    'base-missing',
    `${base} is not a folder here, and the local Hugging Face cache has no ${hubModelFolder(base, environment)}. The demo uses no network: download it first (hf download ${base}), or give a folder.`,
  );
}
