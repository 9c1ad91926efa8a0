import { z } from 'zod';
import type { RecordTable } from '../platform/ports.ts';
import type { AdapterRecord } from './adapters.ts';
import { keys } from './keys.ts';

const approvalRecord = z.object({
  alias: z.string(),
  version: z.int(),
  approvedAt: z.string(),
  approvedBy: z.string(),
});
export type Approval = z.output<typeof approvalRecord>;

/** Who has approved that an alias is pointed to a version: two at most. */
export async function approvalsOf(
  table: RecordTable,
  { team, id }: Pick<AdapterRecord, 'team' | 'id'>,
  alias: string,
  version: number,
): Promise<readonly Approval[]> {
  const { partition, sort: prefix } = keys.approval(team, id, alias, version, '');
  // of two one is by another key
  const { records } = await table.query({ partition, prefix, limit: 2 });
  return records.map(({ value }) => approvalRecord.parse(value));
}
