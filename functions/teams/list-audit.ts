import { z } from 'zod';
import { listAudit as operation } from '../../shared/contract/keys.ts';
import { auditPartition } from '../../shared/records/keys.ts';
import { readPages } from '../../shared/records/pages.ts';
import { handler } from '../http/handler.ts';

const auditRecord = z.object({
  at: z.string(),
  action: z.string(),
  resource: z.string(),
  keyId: z.string(),
  requestId: z.string(),
  detail: z.record(z.string(), z.unknown()).optional(),
});

export const listAudit = handler(operation, async ({ world }, { team }, { query }) => {
  const hours = Array.from({ length: 24 }, (_, at) => `${query.day}T${String(23 - at).padStart(2, '0')}`);
  const lists = hours.map((hour) => ({ partition: auditPartition(team, hour), reverse: true }));
  return readPages(world, lists, query, ({ value }) => auditRecord.parse(value));
});
