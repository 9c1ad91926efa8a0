import { eraseDataset as operation } from '../../shared/contract/erasures.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import { limits } from '../../shared/limits.ts';
import { ConditionError } from '../../shared/platform/ports.ts';
import { commit } from '../../shared/records/commit.ts';
import {
  erasedDatasets,
  erasedWrite,
  erasureWrite,
  findErasure,
  presentErasure,
} from '../../shared/records/erasures.ts';
import { handler } from '../http/handler.ts';
import { erasableDataset } from './erasable-dataset.ts';

/** One write puts all of it out of reach; what it leads to is found and let go by the sweep. */
export const eraseDataset = handler(operation, async ({ world }, caller, { params }) => {
  const { team } = caller;
  for (let attempt = 1; ; attempt++) {
    const { id, name } = await erasableDataset(world.table, team, params.dataset);
    const known = await findErasure(world.table, team, id);
    if (known) return presentErasure(known.value);
    const erased = await erasedDatasets(world.table, team);
    if (Object.keys(erased.value).length >= limits.erasuresMax)
      throw new DomainError('too-many-erasures', `A team erases at most ${limits.erasuresMax} datasets.`);
    const startedAt = new Date(world.now()).toISOString();
    const erasure = {
      team,
      dataset: name,
      id,
      state: 'erasing' as const,
      startedAt,
      startedBy: caller.keyId,
      erasedAt: null,
      erased: { versions: 0, bases: 0, jobs: 0 },
    };
    try {
      await commit(world, caller, { action: 'dataset.erase', resource: `datasets/${name}`, detail: { id } }, [
        erasureWrite(erasure),
        erasedWrite(team, erased, { id, name }),
      ]);
      return presentErasure(erasure);
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      if (attempt === attemptsMax)
        throw new UnavailableError('Other datasets are erased just now: try again.', { cause: error });
    }
  }
});

/** Each lost race means that another erasure began. */
const attemptsMax = 10;
