import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { DomainError } from '../../shared/errors.ts';

/**
 * The folder of a base model: `base` itself, or the newest snapshot of a Hugging Face id in the local cache. Nothing is downloaded.
 * Throws `DomainError('base-missing')` with what to do.
 */
export async function findBase(
  base: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  if (await isFolder(base)) return resolve(base);
  if (!/^[\w.-]+\/[\w.-]+$/.test(base))
    throw new DomainError('base-missing', `${base} is neither a folder nor a Hugging Face id like owner/name.`);
  const repository = join(cacheFolder(environment), `models--${base.replace('/', '--')}`);
  const revision = await readFile(join(repository, 'refs', 'main'), 'utf8').catch(() => '');
  const snapshot = join(repository, 'snapshots', revision.trim());
  if (revision.trim() !== '' && (await isFolder(snapshot))) return snapshot;
  throw new DomainError(
    'base-missing',
    `${base} is not a folder here, and the local Hugging Face cache has no ${repository}. The demo uses no network: download it first (hf download ${base}), or give a folder.`,
  );
}

/** Where huggingface_hub keeps its downloads. */
function cacheFolder(environment: Readonly<Record<string, string | undefined>>): string {
  const { HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME } = environment;
  return HF_HUB_CACHE ?? join(HF_HOME ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface'), 'hub');
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
