import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getAdapter } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { listBases } from '../../shared/contract/bases.ts';
import { adapterConfigName } from '../../shared/domain/adapter-files.ts';
import { DomainError } from '../../shared/errors.ts';
import { allPages } from './all-pages.ts';
import { nameOfFile } from './name-of-file.ts';

/**
 * The base that the folder of a new adapter belongs to: the one of the server that its config names, else the only one. Undefined for an
 * adapter that is there, since it has its base. Throws `DomainError('usage')` when it must be said.
 */
export async function guessBase(api: ApiClient, adapter: string, folder: string): Promise<string | undefined> {
  try {
    await api.call(getAdapter, { params: { adapter } });
    return undefined;
  } catch (error) {
    if (!(error instanceof DomainError && error.code === 'not-found')) throw error;
  }
  const bases = (await allPages(api, listBases)).map(({ name }) => name);
  const said = nameOfFile(await baseInConfig(folder));
  const [only] = bases;
  const guess = bases.find((name) => name === said) ?? (bases.length === 1 ? only : undefined);
  if (guess !== undefined) return guess;
  throw new DomainError(
    'usage',
    bases.length === 0
      ? `${adapter} is new, and there is no base that it could belong to; add one with: lorary base add FOLDER`
      : `${adapter} is new: say which base it belongs to with --base ${bases.join(' or --base ')}`,
  );
}

async function baseInConfig(folder: string): Promise<string> {
  try {
    const config = JSON.parse(await readFile(join(folder, adapterConfigName), 'utf8')) as Record<string, unknown>;
    const { base_model_name_or_path: base } = config; // whatever it is, only a text is looked at
    return typeof base === 'string' ? base : '';
  } catch {
    return ''; // what is wrong with the folder is told when it is read in earnest
  }
}
