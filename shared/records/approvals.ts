import { z } from 'zod';
import type { RecordTable } from '../platform/ports.ts';
import type { AdapterRecord } from './adapters.ts';
import { allRecords } from './all-records.ts';
import { findApiKey } from './api-keys.ts';
import type { Caller } from './caller.ts';
import { keys } from './keys.ts';

const approvalRecord = z.object({
  alias: z.string(),
  version: z.int(),
  approvedAt: z.string(),
  approvedBy: z.string(),
  /** Whose key it was; null: a key of its own, absent: an earlier release did not note it. */
  serviceAccount: z.string().nullable().optional(),
});
type Approval = z.output<typeof approvalRecord>;

/** Who acts: all keys of a service account are one, every other key is one by itself. */
export function principalOf({ keyId, serviceAccount }: Pick<Caller, 'keyId' | 'serviceAccount'>): string {
  return serviceAccount === undefined ? keyId : `account/${serviceAccount}`;
}

/** Whether somebody else than the caller has approved that an alias is pointed to a version. */
export async function isApprovedByAnother(
  table: RecordTable,
  { team, id }: Pick<AdapterRecord, 'team' | 'id'>,
  { alias, version }: { readonly alias: string; readonly version: number },
  caller: Pick<Caller, 'keyId' | 'serviceAccount'>,
): Promise<boolean> {
  const { partition, sort: prefix } = keys.approval(team, id, alias, version, '');
  for await (const { value } of allRecords(table, { partition, prefix }))
    if ((await approverOf(table, approvalRecord.parse(value))) !== principalOf(caller)) return true;
  return false;
}

async function approverOf(table: RecordTable, { approvedBy: keyId, serviceAccount }: Approval): Promise<string> {
  const account =
    serviceAccount === undefined ? (await findApiKey(table, keyId))?.value.serviceAccount : serviceAccount;
  return principalOf({ keyId, ...(account ? { serviceAccount: account } : {}) });
}
