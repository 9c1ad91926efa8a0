import type { ApiClient } from '../../shared/contract/api-client.ts';
import { getBase, type Base } from '../../shared/contract/bases.ts';
import { DomainError } from '../../shared/errors.ts';
import { asFindings } from './as-findings.ts';
import { withSuggestions } from './suggest.ts';
import { waitUntil } from './wait-until.ts';

/** A base by its name; while it is being imported, as after the first start of a server, this waits and `note` says so. */
export async function readyBase(api: ApiClient, name: string, note: (text: string) => void): Promise<Base> {
  const ask = (): Promise<Base> => api.call(getBase, { params: { base: name } });
  const first = await withSuggestions(api, { base: [name] }, ask);
  if (first.state === 'importing') note(`waiting for the base ${name}, which is being imported`);
  const base = first.state === 'importing' ? await waitUntil(ask, ({ state }) => state !== 'importing') : first;
  if (base.state === 'ready') return base;
  throw new DomainError(
    'not-ready',
    `The base ${name} cannot be used: its import ${base.state === 'draft' ? 'has not begun' : 'has failed'}.`,
    {
      findings: asFindings(base.findings),
    },
  );
}
