import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A model of a hub as it was at one commit, in the local cache. */
export interface HubSnapshot {
  readonly folder: string;
  readonly commit: string;
}

/** Whether a text can be the name of a model on a hub: `owner/name`, or the bare name of an old one. */
export function isHubId(text: string): boolean {
  return /^(?![.-])[\w.-]{1,96}(\/(?![.-])[\w.-]{1,96})?$/.test(text) && !/--|\.\.|\.git$/.test(text);
}

/** Where huggingface_hub keeps its downloads. */
export function hubCacheFolder({ HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME }: Environment): string {
  return HF_HUB_CACHE ?? join(HF_HOME ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface'), 'hub');
}

/** The folder of a model in the cache, whatever is in it. */
export function hubModelFolder(id: string, environment: Environment): string {
  return join(hubCacheFolder(environment), `models--${id.replace('/', '--')}`);
}

/** The snapshot of a branch, tag or commit in the local cache; nothing is downloaded. It may lack files. */
export async function cachedSnapshot(
  id: string,
  environment: Environment,
  revision = 'main',
): Promise<HubSnapshot | undefined> {
  if (!isHubId(id)) return undefined;
  const model = hubModelFolder(id, environment);
  const commit = isCommit(revision) ? revision : await readRef(model, revision);
  if (commit === undefined) return undefined;
  const folder = join(model, 'snapshots', commit);
  return (await stat(folder).catch(() => undefined))?.isDirectory() === true ? { folder, commit } : undefined;
}

export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

async function readRef(model: string, revision: string): Promise<string | undefined> {
  if (!isSafeName(revision)) return undefined;
  const text = await readFile(join(model, 'refs', revision), 'utf8').catch(() => '');
  const commit = text.trim();
  return /^[\w.-]+$/.test(commit) && commit !== '..' ? commit : undefined;
}

/** Whether a name from a hub stays inside the folder that it is put in. */
export function isSafeName(name: string): boolean {
  return name.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\:\0]/.test(part));
}
