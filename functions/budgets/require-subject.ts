import { DomainError } from '../../shared/errors.ts';
import type { RecordTable } from '../../shared/platform/ports.ts';
import { findApiKey } from '../../shared/records/api-keys.ts';
import { teamSubject } from '../../shared/records/account-subjects.ts';

/** Throws `DomainError('not-found')` for what is neither the team nor a key of it. */
export async function requireSubject(table: RecordTable, team: string, subject: string): Promise<void> {
  if (subject === teamSubject) return;
  const key = await findApiKey(table, subject);
  if (key?.value.team !== team)
    throw new DomainError('not-found', `There is no key "${subject}": give the id of one, or "${teamSubject}".`);
}
