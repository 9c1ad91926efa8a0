import { z } from 'zod';
import type { RecordTable, RecordWrite, StoredRecord } from '../platform/ports.ts';
import type { AdapterRecord } from './adapters.ts';
import { keys } from './keys.ts';
import { stored, type Stored } from './stored.ts';

const aliasRecord = z.object({
  alias: z.string(),
  /** Null: it was removed. */
  version: z.int().nullable(),
  updatedAt: z.string(),
  updatedBy: z.string(),
});
export type AliasRecord = z.output<typeof aliasRecord>;

const aliasHistoryRecord = aliasRecord.extend({ revision: z.int() });

/** One step of an alias; `revision` counts them. */
export type AliasStep = z.output<typeof aliasHistoryRecord>;

/** Where an alias points now; undefined: it never was. Removed ones are kept, so that their history goes on. */
export async function findAlias(
  table: RecordTable,
  { team, id }: Pick<AdapterRecord, 'team' | 'id'>,
  alias: string,
): Promise<Stored<AliasRecord> | undefined> {
  const record = await table.get(keys.alias(team, id, alias));
  return record && stored(aliasRecord, record);
}

export function readAliasStep(record: StoredRecord): AliasStep {
  return aliasHistoryRecord.parse(record.value);
}

/**
 * Moves an alias and adds the step to its history. The adapter's own record says the same in its `aliases` and is written in the same
 * transaction: it is what readers look at.
 */
export function aliasWrites(
  { team, id }: Pick<AdapterRecord, 'team' | 'id'>,
  value: AliasRecord,
  before: Stored<AliasRecord> | undefined,
): RecordWrite[] {
  const revision = (before?.revision ?? 0) + 1;
  return [
    {
      put: { key: keys.alias(team, id, value.alias), value },
      condition: before ? { ifRevision: before.revision } : { ifAbsent: true },
    },
    {
      put: { key: keys.aliasHistory(team, id, value.alias, revision), value: { ...value, revision } },
      condition: { ifAbsent: true },
    },
  ];
}
