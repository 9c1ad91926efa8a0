import { deleteAdapter as operation } from '../../shared/contract/adapters.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { ConditionError } from '../../shared/platform/ports.ts';
import { getAdapterRecord, tagWrites } from '../../shared/records/adapters.ts';
import { commit } from '../../shared/records/commit.ts';
import { keys } from '../../shared/records/keys.ts';
import { purgeWrite } from '../../shared/records/purges.ts';
import { endShare, sharesOf } from '../../shared/records/shares.ts';
import { handler } from '../http/handler.ts';

/**
 * The name is free at once; versions, reached only through the adapter, are out of reach with it, and go some time later. It is shared with
 * no team any more, also once it is brought back.
 */
export const deleteAdapter = handler(operation, async ({ world }, caller, { params }) => {
  const { value, revision } = await getAdapterRecord(world.table, caller.team, params.adapter);
  const { team, name, id } = value;
  const { shares: _, ...unshared } = value;
  const change = { action: 'adapter.delete', resource: `adapters/${name}`, detail: { id, versions: value.versions } };
  try {
    await commit(world, caller, change, [
      { delete: keys.adapter(team, name), condition: { ifRevision: revision } },
      ...tagWrites(value, value.tags, []),
      purgeWrite(world, { team, kind: 'adapter', id, name, why: 'deleted', record: unshared }),
      ...[...sharesOf(value).keys()].flatMap((other) => endShare(world, caller, value, other)),
    ]);
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    throw new UnavailableError('The adapter was changed while it was deleted: try again.', { cause: error });
  }
  return undefined;
});
