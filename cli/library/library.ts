import { listAdapters, type Adapter } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { listBases, type Base } from '../../shared/contract/bases.ts';
import { listCompositions, type Composition } from '../../shared/contract/compositions.ts';
import { listDatasets, type Dataset } from '../../shared/contract/datasets.ts';
import { listVersions, type Version } from '../../shared/contract/versions.ts';
import { allPages } from '../server/all-pages.ts';

/** An adapter with everything that was ever sent or trained as a version of it. */
export interface AdapterWithVersions {
  readonly adapter: Adapter;
  /** Newest first, as the server lists them. */
  readonly versions: readonly Version[];
}

/** What a team keeps on a server and can be listed. */
export interface Library {
  readonly bases: readonly Base[];
  readonly datasets: readonly Dataset[];
  readonly adapters: readonly AdapterWithVersions[];
  readonly compositions: readonly Composition[];
}

export async function readLibrary(api: ApiClient): Promise<Library> {
  const adapters: AdapterWithVersions[] = [];
  for (const adapter of await allPages(api, listAdapters)) {
    const versions = await allPages(api, listVersions, { params: { adapter: adapter.name } });
    adapters.push({ adapter, versions });
  }
  return {
    bases: await allPages(api, listBases),
    datasets: await allPages(api, listDatasets),
    adapters,
    compositions: await allPages(api, listCompositions),
  };
}

/** A version that has a number, which it keeps. */
export type NumberedVersion = Version & { readonly version: number };

/** Those that were published, oldest first; a withdrawn one keeps its number and its files. */
export function numbered(versions: readonly Version[]): NumberedVersion[] {
  return versions
    .flatMap((version) => (version.version === null ? [] : [{ ...version, version: version.version }]))
    .toSorted((a, b) => a.version - b.version);
}

/** The same for versions with the same files, wherever they are. */
export function contentOf({ files }: Pick<Version, 'files'>): string {
  return files
    .map(({ path, sha256 }) => `${sha256} ${path}`)
    .toSorted()
    .join('\n');
}
