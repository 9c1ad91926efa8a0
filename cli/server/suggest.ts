import { listAdapters } from '../../shared/contract/adapters.ts';
import type { ApiClient } from '../../shared/contract/api-client.ts';
import { listBases } from '../../shared/contract/bases.ts';
import { listDatasets } from '../../shared/contract/datasets.ts';
import { listSharedAdapters } from '../../shared/contract/shares.ts';
import { nearestWord } from '../../shared/contract/specs/nearest-word.ts';
import { splitRef } from '../../shared/domain/adapter-ref.ts';
import { DomainError, type Finding } from '../../shared/errors.ts';
import { allPages } from './all-pages.ts';

/** Names that a call is about, by what they name. */
export interface CallNames {
  readonly adapter?: readonly string[];
  readonly base?: readonly string[];
  readonly dataset?: readonly string[];
}

/** Runs a call; when something it names does not exist, the error says which, and what was probably meant. */
export async function withSuggestions<T>(api: ApiClient, names: CallNames, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof DomainError) || !/^(not-found|composition|no-such-(adapter|base|dataset))$/.test(error.code))
      throw error;
    const [own, shared] = [false, true].map((isShared) =>
      (names.adapter ?? []).filter((name) => (splitRef(name).owner !== undefined) === isShared),
    );
    const findings = [
      ...missing('adapter', own, await known(api, own, listAdapters), 'lorary ls'),
      ...missing('adapter', shared, await knownShared(api, shared), 'lorary ls --shared'),
      ...missing('base', names.base, await known(api, names.base, listBases), 'lorary base ls'),
      ...missing('dataset', names.dataset, await known(api, names.dataset, listDatasets), 'lorary data ls'),
    ];
    if (findings.length === 0) throw error;
    throw new DomainError(error.code, 'What was named is not there:', { findings, cause: error });
  }
}

async function knownShared(api: ApiClient, asked: readonly string[] = []): Promise<string[]> {
  if (asked.length === 0) return [];
  return (await allPages(api, listSharedAdapters)).map(({ adapter }) => adapter.name);
}

async function known(
  api: ApiClient,
  asked: readonly string[] | undefined,
  operation: typeof listAdapters | typeof listBases | typeof listDatasets,
): Promise<string[]> {
  if (!asked || asked.length === 0) return [];
  const items: readonly { readonly name: string }[] = await allPages(api, operation);
  return items.map(({ name }) => name);
}

function missing(
  kind: string,
  asked: readonly string[] | undefined,
  known: readonly string[],
  list: string,
): Finding[] {
  return (asked ?? [])
    .filter((name) => !known.includes(name))
    .map((name) => {
      const nearest = nearestWord(name, known);
      const hint = nearest === undefined ? `see: ${list}` : `did you mean "${nearest}"?`;
      return {
        severity: 'error',
        code: 'not-found',
        where: name,
        message: `there is no ${kind} of this name; ${hint}`,
      };
    });
}
