import type { setAlias } from '../../shared/contract/adapters.ts';
import type { OperationOutput } from '../../shared/contract/operation.ts';
import type { AliasRecord } from '../../shared/records/aliases.ts';
import type { Stored } from '../../shared/records/stored.ts';

export type Alias = OperationOutput<typeof setAlias>;

export function presentAlias({ value, revision }: Stored<AliasRecord>): Alias {
  return { ...value, revision };
}
