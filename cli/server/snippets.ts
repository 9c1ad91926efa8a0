import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { getBase } from '../../shared/contract/bases.ts';
import { ownerMark } from '../../shared/contract/fields.ts';
import { getVersionChecks, type Version } from '../../shared/contract/versions.ts';
import { splitRef } from '../../shared/domain/adapter-ref.ts';
import { usageSnippets } from '../../shared/domain/usage-snippets.ts';
import { DomainError } from '../../shared/errors.ts';

/** Folders that `lorary pull` makes unless another is asked for. */
export const versionFolder = ({ adapter, version, id }: Pick<Version, 'adapter' | 'version' | 'id'>): string =>
  `${adapter.replace(ownerMark, '-')}-${version ?? id}`;
export const baseFolder = (base: string): string => `${base}-base`;

/** How a published version is used with each engine that serves it, from `folder`; what must be fetched before stands first. */
export async function snippetsText(api: ApiClient, version: Version, folder = versionFolder(version)): Promise<string> {
  if (version.state !== 'published') return '';
  const { adapter, base, id } = version;
  const { servability } = await api.call(getVersionChecks, { params: { adapter, version: id } });
  const [place, baseAt] = [resolve(folder), resolve(baseFolder(base))];
  const repository = await repositoryOf(api, base);
  const snippets = usageSnippets(
    { folder: place, name: splitRef(adapter).name, base: repository ?? baseAt, baseFolder: baseAt },
    servability,
  );
  const fetches = [
    ...(existsSync(place) ? [] : [`lorary pull ${adapter}@${version.version ?? id} --output ${quoted(place)}`]),
    ...(existsSync(baseAt) ? [] : [`lorary pull --base ${base} --output ${quoted(baseAt)}`]),
  ];
  return [
    ...(fetches.length > 0 ? ['--- first', ...fetches, ''] : []),
    ...snippets.flatMap(({ engine, language, code }) => [`--- ${engine} (${language})`, code]),
  ].join('\n');
}

/** Where others find the base; undefined where only this server has it. */
async function repositoryOf(api: ApiClient, base: string): Promise<string | undefined> {
  try {
    return (await api.call(getBase, { params: { base } })).source.repository;
  } catch (error) {
    if (error instanceof DomainError) return undefined; // a base that was deleted is told of elsewhere
    throw error;
  }
}

const quoted = (path: string): string =>
  /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
