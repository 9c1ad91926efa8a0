import { listAuditSeals as operation } from '../../shared/contract/audit.ts';
import { readAuditSeal } from '../../shared/records/audit-seals.ts';
import { keys } from '../../shared/records/keys.ts';
import { readPage } from '../../shared/records/pages.ts';
import { handler } from '../http/handler.ts';

/** The oldest first: a chain is followed from its beginning. */
export const listAuditSeals = handler(operation, async ({ world }, { team }, { query }) =>
  readPage(world, { partition: keys.auditSeal(team, 1).partition }, query, readAuditSeal),
);
