import { listAdapters } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { listBaseFiles, listBases } from '../../shared/contract/bases.ts';
import { listCompositions } from '../../shared/contract/compositions.ts';
import { getDatasetFile, listDatasets } from '../../shared/contract/datasets.ts';
import { getVersionChecks, listVersionFiles, listVersions } from '../../shared/contract/versions.ts';
import { sha256Hex } from './send-upload.ts';

/**
 * Everything that two servers tell differently of their libraries, beside what belongs to a place: ids, times, keys and jobs. Each file is
 * fetched from both, and its bytes are hashed here. Empty: one is a copy of the other.
 */
export async function compareLibraries(here: ApiClient, there: ApiClient): Promise<string[]> {
  const [mine, theirs] = [await factsOf(here), await factsOf(there)];
  return [...new Set([...mine.keys(), ...theirs.keys()])]
    .filter((what) => mine.get(what) !== theirs.get(what))
    .map((what) => `${what}: ${mine.get(what) ?? 'not here'} | ${theirs.get(what) ?? 'not there'}`)
    .toSorted();
}

/** One line for every thing, by its name, as far as it is the same wherever it stands. */
async function factsOf(api: ApiClient): Promise<ReadonlyMap<string, string>> {
  const facts = new Map<string, string>();
  const tell = (what: string, fact: unknown): void => void facts.set(what, JSON.stringify(fact));
  for (const base of (await api.call(listBases, {})).items) {
    const { name, state, description, architecture, parameters, contextTokens, dtypes, sha256, sizeBytes } = base;
    tell(`base ${name}`, [state, description, architecture, parameters, contextTokens, dtypes, sha256, sizeBytes]);
    const { files } = await api.call(listBaseFiles, { params: { base: name } });
    for (const file of files) tell(`base ${name}/${file.path}`, await bytesOf(file));
  }
  for (const { name, state, description, sha256, rows, format } of (await api.call(listDatasets, {})).items) {
    tell(`dataset ${name}`, [state, description, sha256, rows, format]);
    tell(`dataset ${name} bytes`, await bytesOf(await api.call(getDatasetFile, { params: { dataset: name } })));
  }
  for (const { name, base, description, tags, aliases, versions } of (await api.call(listAdapters, {})).items) {
    tell(`adapter ${name}`, [base, description, tags, Object.entries(aliases).map(String).toSorted(), versions]);
    for (const version of (await api.call(listVersions, { params: { adapter: name } })).items) {
      if (version.version === null) continue;
      const { state, notes, checks, findings, lineage, createdAt, id, withdrawnBecause } = version;
      const what = `${name}@${version.version}`;
      tell(what, [state, notes, checks, findings, withdrawnBecause, version.aliases.toSorted()]);
      const { moved = { id, version: version.version, createdAt, lineage } } = lineage;
      tell(`${what} comes from`, [moved.id, moved.version, moved.createdAt, moved.lineage]);
      const params = { adapter: name, version: String(version.version) };
      tell(`${what} modules`, await api.call(getVersionChecks, { params }));
      for (const file of (await api.call(listVersionFiles, { params })).files)
        tell(`${what}/${file.path}`, await bytesOf(file));
    }
  }
  for (const { name, description, members, ...recipe } of (await api.call(listCompositions, {})).items) {
    const { type, mode, peftRelease, rank, dtype, base, warnings } = recipe;
    const named = members.map(({ adapter, version, weight }) => [adapter, version, weight]);
    tell(`composition ${name}`, [description, type, mode, peftRelease, rank, dtype, base, warnings, named]);
  }
  return facts;
}

async function bytesOf({ url, headers }: { readonly url: string; readonly headers: Record<string, string> }) {
  const response = await fetch(url, { headers });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return sha256Hex(new Uint8Array(await response.arrayBuffer()));
}
