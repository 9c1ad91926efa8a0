import { createAdapter, deleteAdapter, updateAdapter, type Adapter } from '../../../shared/contract/adapters.ts';
import type { Outcome, Worker } from '../client.ts';

/** Makes, changes and deletes adapters of its own names, over and over. */
export async function workOnAdapters(worker: Worker, prefix: string): Promise<void> {
  /** The last revision of those that exist; null: it is not known. */
  const existing = new Map<string, number | null>();
  for (let i = 1; !worker.isOver(); i++) {
    const name = `${prefix}-${Math.floor(worker.random() * 4)}`;
    const tags = ['blue', 'green', prefix, 'red'].filter(() => worker.random() < 0.5).toSorted();
    const state = { description: `change ${i} of ${prefix}`, tags };
    const params = { adapter: name };
    if (!existing.has(name)) {
      const body = { name, base: 'tiny', ...state };
      settle(name, 'create', state, await worker.surely((api, key) => api.call(createAdapter, { body, ...key })));
    } else if (worker.random() < 0.2)
      settle(name, 'delete', null, await worker.surely((api) => api.call(deleteAdapter, { params })));
    else settle(name, 'update', state, await worker.surely((api) => api.call(updateAdapter, { params, body: state })));
    await worker.pause(100);
  }

  function settle(name: string, what: string, state: object | null, outcome: Outcome<Adapter | undefined>): void {
    // a deletion that had no answer the first time has nothing left to delete
    const isGone = what === 'delete' && outcome.kind === 'refused' && outcome.repeated && outcome.error.status === 404;
    const acknowledged = outcome.kind === 'done' || isGone;
    if (outcome.kind === 'refused' && !isGone)
      return worker.bug(`${what} of the adapter ${name} was refused: ${outcome.error.message}`);
    worker.note({ kind: 'state', thing: 'adapter', name, state: state && { ...state }, acknowledged });
    if (!acknowledged) return;
    const revision = (outcome.kind === 'done' ? outcome.answer?.revision : undefined) ?? null;
    const before = existing.get(name) ?? null;
    if (what === 'update' && revision !== null && before !== null && revision <= before)
      worker.bug(`a change of the adapter ${name} gave revision ${revision} after one that gave ${before}`);
    if (state) existing.set(name, revision);
    else existing.delete(name);
    const requestId = outcome.kind === 'done' ? outcome.requestId : null;
    worker.note({ kind: 'change', action: `adapter.${what}`, resource: `adapters/${name}`, requestId });
  }
}
