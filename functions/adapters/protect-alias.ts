import { protectAlias as operation, type AliasProtection } from '../../shared/contract/protections.ts';
import { refuseReserved, refuseTooMany } from '../../shared/domain/alias-rules.ts';
import { requireReadyDataset } from '../../shared/records/datasets.ts';
import { recordValue } from '../../shared/records/stored.ts';
import { handler } from '../http/handler.ts';
import { changeAdapter } from './change-adapter.ts';

/** It stands in the adapter's record, which every change of an alias names by its revision: none goes by rules that do not hold any more. */
export const protectAlias = handler(operation, async ({ world }, caller, { params, body }) => {
  const { alias } = params;
  refuseReserved([alias]);
  const data = body.gate && (await requireReadyDataset(world.table, caller.team, body.gate.dataset)).value;
  return changeAdapter(world, caller, params.adapter, async ({ value }, at) => {
    const protections = value.protections ?? {};
    refuseTooMany([...Object.keys(value.aliases), ...Object.keys(protections)], [alias]);
    const gate = body.gate && data ? { ...body.gate, datasetId: data.id, rows: data.rows } : null;
    const protection: AliasProtection = { gate, approval: body.approval, protectedAt: at, protectedBy: caller.keyId };
    const detail = recordValue({ from: protections[alias] ?? null, to: protection });
    return {
      change: { action: 'alias.protect', resource: `adapters/${value.name}/aliases/${alias}`, detail },
      after: { ...value, protections: { ...protections, [alias]: protection } },
      writes: [],
      result: () => protection,
    };
  });
});
