import { z } from 'zod';
import { roles } from '../contract/scopes.ts';
import type { ServiceAccount } from '../contract/service-accounts.ts';
import { DomainError } from '../errors.ts';
import type { RecordTable, RecordWrite, StoredRecord } from '../platform/ports.ts';
import { keys, lists } from './keys.ts';
import { stored, type Stored } from './stored.ts';

const serviceAccountRecord = z.object({
  id: z.string(),
  team: z.string(),
  name: z.string(),
  description: z.string(),
  role: z.enum(roles),
  adapterPrefix: z.string().nullable(),
  disabledAt: z.string().nullable(),
  createdAt: z.string(),
  createdBy: z.string(),
});
export type ServiceAccountRecord = z.output<typeof serviceAccountRecord>;

export async function findServiceAccount(
  table: RecordTable,
  team: string,
  name: string,
): Promise<Stored<ServiceAccountRecord> | undefined> {
  const record = await table.get(keys.serviceAccount(team, name));
  return record && readServiceAccount(record);
}

/** Throws `DomainError('not-found')`. */
export async function getServiceAccountRecord(
  table: RecordTable,
  team: string,
  name: string,
): Promise<Stored<ServiceAccountRecord>> {
  const found = await findServiceAccount(table, team, name);
  if (!found) throw new DomainError('not-found', `There is no service account "${name}".`);
  return found;
}

export function readServiceAccount(record: StoredRecord): Stored<ServiceAccountRecord> {
  return stored(serviceAccountRecord, record);
}

/** A new account, or a change of the one of this revision. */
export function serviceAccountWrite(value: ServiceAccountRecord, revision?: number): RecordWrite {
  return {
    put: {
      key: keys.serviceAccount(value.team, value.name),
      value,
      index1: { partition: lists.serviceAccounts(value.team), sort: value.name },
    },
    condition: revision === undefined ? { ifAbsent: true } : { ifRevision: revision },
  };
}

export function presentServiceAccount(value: ServiceAccountRecord): ServiceAccount {
  const { team: _, ...shown } = value;
  return shown;
}
