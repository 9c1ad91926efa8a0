import { createAdapter, deleteAdapter, updateAdapter } from '../../../shared/contract/adapters.ts';
import type { Outcome, Worker } from '../client.ts';

/** Makes, changes and deletes adapters of its own names, over and over. */
export async function workOnAdapters(worker: Worker, prefix: string): Promise<void> {
  const existing = new Set<string>();
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

  function settle(name: string, what: string, state: object | null, outcome: Outcome<unknown>): void {
    // a deletion that had no answer the first time has nothing left to delete
    const isGone = what === 'delete' && outcome.kind === 'refused' && outcome.repeated && outcome.error.status === 404;
    const acknowledged = outcome.kind === 'done' || isGone;
    if (outcome.kind === 'refused' && !isGone)
      return worker.bug(`${what} of the adapter ${name} was refused: ${outcome.error.message}`);
    worker.note({ kind: 'state', thing: 'adapter', name, state: state && { ...state }, acknowledged });
    if (!acknowledged) return;
    if (state) existing.add(name);
    else existing.delete(name);
    const requestId = outcome.kind === 'done' ? outcome.requestId : null;
    worker.note({ kind: 'change', action: `adapter.${what}`, resource: `adapters/${name}`, requestId });
  }
}
