import {
  deleteAlias,
  getAdapter,
  listAliasHistory,
  rollbackAlias,
  setAlias,
  type Adapter,
} from '../../../shared/contract/adapters.ts';
import { getVersion, withdrawVersion } from '../../../shared/contract/versions.ts';
import type { Outcome, Worker } from '../client.ts';
import { sharedAdapters } from './versions.ts';

/** Moves the aliases of the shared adapters against others who do the same, and withdraws a version now and then. */
export async function workOnAliases(worker: Worker): Promise<void> {
  while (!worker.isOver()) {
    await worker.pause(300);
    const name = worker.pick(sharedAdapters);
    const shown = await worker.surely((api) => api.call(getAdapter, { params: { adapter: name } }));
    if (shown.kind !== 'done' || shown.answer.versions === 0) continue;
    const adapter = shown.answer;
    const alias = worker.pick(['production', 'staging']);
    const params = { adapter: name, alias };
    const fate = worker.random();
    if (fate < 0.1) await withdraw(worker, adapter);
    else if (fate < 0.2) await remove(worker, adapter, alias);
    else if (fate < 0.45)
      settle(await worker.once((api) => api.call(rollbackAlias, { params, body: {} })), adapter, alias);
    else {
      const version = 1 + Math.floor(worker.random() * adapter.versions);
      const ifVersion = worker.random() < 0.7 ? { ifVersion: adapter.aliases[alias] ?? null } : {};
      const body = { version, ...ifVersion };
      settle(await worker.surely((api) => api.call(setAlias, { params, body })), adapter, alias);
    }
  }

  function settle(
    outcome: Outcome<{ readonly version: number | null; readonly revision: number }>,
    { id: adapterId }: Adapter,
    alias: string,
  ): void {
    if (outcome.kind !== 'done') return;
    const { version, revision } = outcome.answer;
    worker.note({ kind: 'alias', adapterId, alias, version, revision });
  }
}

async function remove(worker: Worker, { name, id: adapterId }: Adapter, alias: string): Promise<void> {
  const params = { adapter: name, alias };
  const outcome = await worker.surely((api) => api.call(deleteAlias, { params }));
  if (outcome.kind !== 'done') return;
  // the answer is empty: what everybody sees from now on is the promise
  const history = await worker.surely((api) => api.call(listAliasHistory, { params, query: { limit: 1 } }));
  const [step] = history.kind === 'done' ? history.answer.items : [];
  if (step) worker.note({ kind: 'alias', adapterId, alias, version: step.version, revision: step.revision });
}

async function withdraw(worker: Worker, adapter: Adapter): Promise<void> {
  // a recipe that all clients use is made of the first ones
  if (adapter.versions < 2) return;
  const version = String(2 + Math.floor(worker.random() * (adapter.versions - 1)));
  const params = { adapter: adapter.name, version };
  const call = { params, body: { reason: 'It was chosen by chance.' } };
  const outcome = await worker.surely((api) => api.call(withdrawVersion, call));
  if (outcome.kind !== 'done') return;
  worker.note({ kind: 'withdrawn', versionId: outcome.answer.id });
  const read = await worker.surely((api) => api.call(getVersion, { params }));
  if (read.kind === 'done' && read.answer.state !== 'withdrawn') worker.bug(`${read.answer.id} is withdrawn no more`);
}
