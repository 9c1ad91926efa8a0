import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { adapterConfigName, adapterFileKind, adapterWeightsName } from '../../shared/domain/adapter-files.ts';
import { DomainError, findingsOf, refuseErrors, type Finding } from '../../shared/errors.ts';
import { downloadSnapshot } from '../../shared/hub/download-snapshot.ts';
import { cachedSnapshot, isHubId, type Environment } from '../../shared/hub/hub-cache.ts';
import { usageFinding } from '../read-flags.ts';

/** An adapter that was asked for, in a folder of this machine. */
export interface FoundAdapter {
  /** As it was typed. */
  readonly label: string;
  readonly folder: string;
  /** Names of its files. */
  readonly names: readonly string[];
  /** What keeps it from being looked at. */
  readonly findings: readonly Finding[];
}

/**
 * The adapters behind words: a folder, a folder of such folders, or the id of a model on a hub (`owner/name`, `owner/name@revision`),
 * from the local cache or downloaded into it. Throws `DomainError('usage')` with all words that are neither.
 */
export async function findAdapters(
  words: readonly string[],
  environment: Environment,
  onProgress: (stage: string, doneBytes: number, totalBytes: number) => void,
): Promise<FoundAdapter[]> {
  const kinds = await Promise.all(
    words.map(async (word) => ((await isFolder(word)) ? 'folder' : hubName(word) ? 'hub' : 'none')),
  );
  const strange = words.filter((_, i) => kinds[i] === 'none');
  const findings = strange.map((word) => usageFinding(word, 'is neither a folder here nor a model id like owner/name'));
  refuseErrors('usage', 'There is nothing to check under these names:', findings);
  const found: FoundAdapter[] = [];
  for (const [i, word] of words.entries())
    found.push(...(kinds[i] === 'folder' ? await inFolder(word) : [await fromHub(word, environment, onProgress)]));
  return found;
}

async function inFolder(word: string): Promise<FoundAdapter[]> {
  const folder = resolve(word);
  const names = await fileNames(folder);
  if (holdsAdapter(names)) return [{ label: word, folder, names, findings: [] }];
  const inner: FoundAdapter[] = [];
  for (const { name } of (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory())) {
    const innerNames = await fileNames(join(folder, name));
    if (holdsAdapter(innerNames))
      inner.push({ label: join(word, name), folder: join(folder, name), names: innerNames, findings: [] });
  }
  return inner.length > 0
    ? inner.toSorted((a, b) => (a.label < b.label ? -1 : 1))
    : [{ label: word, folder, names, findings: [] }];
}

async function fromHub(
  word: string,
  environment: Environment,
  onProgress: (stage: string, doneBytes: number, totalBytes: number) => void,
): Promise<FoundAdapter> {
  const { id, revision } = hubName(word) ?? { id: word };
  const cached = await cachedSnapshot(id, environment, revision);
  const names = cached ? await fileNames(cached.folder) : [];
  if (cached && names.includes(adapterConfigName) && names.includes(adapterWeightsName))
    return { label: word, folder: cached.folder, names, findings: [] };
  try {
    if (isSet(environment['HF_HUB_OFFLINE']))
      throw new DomainError(
        'hub-missing',
        `the local Hugging Face cache has no ${id}, and HF_HUB_OFFLINE forbids to download it`,
      );
    const snapshot = await downloadSnapshot(id, {
      environment,
      ...(revision === undefined ? {} : { revision }),
      wants: (name) => ['config', 'weights', 'companion'].includes(adapterFileKind(name)),
      onProgress: (done, total) => onProgress(`downloading ${word}`, done, total),
    });
    const there = await fileNames(snapshot.folder);
    // told by name, not downloaded
    const pickles = snapshot.files.filter((name) => name.startsWith('adapter') && adapterFileKind(name) === 'pickle');
    return { label: word, folder: snapshot.folder, names: [...there, ...pickles], findings: [] };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return { label: word, folder: '', names: [], findings: findingsOf(error, word) };
  }
}

function hubName(word: string): { readonly id: string; readonly revision?: string } | undefined {
  const [, id = '', revision] = /^([^@]+)(?:@(.+))?$/.exec(word) ?? [];
  if (!id.includes('/') || !isHubId(id)) return undefined;
  return revision === undefined ? { id } : { id, revision };
}

const holdsAdapter = (names: readonly string[]): boolean =>
  names.some((name) => name === adapterConfigName || name.startsWith('adapter_model.'));

/** Files of the folder itself; what is hidden or in folders below is no part of an adapter. */
async function fileNames(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.')).toSorted();
  const isFile = await Promise.all(
    names.map(async (name) => (await stat(join(folder, name)).catch(() => undefined))?.isFile()),
  );
  return names.filter((_, i) => isFile[i] === true);
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() === true;

const isSet = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? '');
