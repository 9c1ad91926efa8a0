import type { RecordWrite, World } from '../platform/ports.ts';
import { baseWrite, findBase } from './bases.ts';
import { importRequestSchema } from './import-request.ts';
import type { JobRecord } from './jobs.ts';
import { purgeWrite } from './purges.ts';

/** A base whose import ends without success fails with it: nothing would ever make it ready. */
export async function failedImportWrites(world: Pick<World, 'table' | 'now'>, job: JobRecord): Promise<RecordWrite[]> {
  const { kind, state, team, reason, findings } = job;
  if (kind !== 'import-base' || (state !== 'failed' && state !== 'cancelled')) return [];
  const { base: name, baseId } = importRequestSchema.parse(job.request);
  const base = await findBase(world.table, team, name);
  if (base?.value.id !== baseId || base.value.state !== 'importing') return [];
  const why = { severity: 'error', code: `import-${state}`, message: reason } as const;
  const shown = findings.length > 0 ? findings : [why];
  return [
    baseWrite({ ...base.value, state: 'failed', findings: shown }, base.revision),
    purgeWrite(world, { team, kind: 'base', id: baseId, name, why: 'rejected' }),
  ];
}
