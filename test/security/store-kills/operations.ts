import { deleteAdapter, getAdapter, listAliasHistory, setAlias } from '../../../shared/contract/adapters.ts';
import { ApiError } from '../../../shared/contract/api-client.ts';
import { createKey, listKeys, revokeKey, rotateKey } from '../../../shared/contract/keys.ts';
import { eraseDataset, getErasure } from '../../../shared/contract/erasures.ts';
import { completeUpload } from '../../../shared/contract/uploads.ts';
import { getVersion } from '../../../shared/contract/versions.ts';
import { limits } from '../../../shared/limits.ts';
import { demand } from '../../support/checks-report.ts';
import type { Scene } from './scene.ts';

/** A change that must be whole or absent, wherever its process dies. */
export interface Operation {
  readonly name: string;
  /** Until it is done, or somebody dies. */
  readonly run: (scene: Scene) => Promise<void>;
  /** The client's call again, and what follows from it; throws when the answer is not right. */
  readonly repeat: (scene: Scene) => Promise<void>;
  /** One transaction: there is no state between, not even until the next start. Others are whole once the next start has swept. */
  readonly isOneWrite: boolean;
  /** When the next server starts, from the beginning on. */
  readonly restartMilliseconds: number;
}

const keptMilliseconds = 1000 * (limits.deletedKeptSeconds + 60);

const french = { params: { adapter: 'french' } };
const production = { params: { adapter: 'french', alias: 'production' } };
const toSecond = { ...production, body: { version: 2, ifVersion: 1 } };
const newKey = { body: { name: 'made', scopes: ['adapters:read' as const] }, idempotencyKey: 'the same call' };
const rotation = (key: string) => ({
  params: { key },
  body: { overlapSeconds: 60 },
  idempotencyKey: 'the same rotation',
});
const gone = { params: { adapter: 'gone' } };
const letters = { params: { dataset: 'letters' } };
const settleMilliseconds = 1000 * (limits.erasureSettleSeconds + 60);

export const operations: readonly Operation[] = [
  {
    name: 'publish',
    isOneWrite: true,
    restartMilliseconds: 60_000,
    run: (scene) => scene.validate(),
    async repeat({ client, facts }) {
      const { state } = await client.call(completeUpload, { params: { upload: facts.uploadId } });
      demand(state === 'completed', `the upload is ${state}`);
      const version = await client.call(getVersion, { params: { adapter: 'french', version: facts.versionId } });
      demand(version.state === 'published' && version.version === 3, `the version is ${version.state}`);
      const { versions, aliases } = await client.call(getAdapter, french);
      demand(versions === 3 && aliases['latest'] === 3 && aliases['candidate'] === 3, 'aliases do not lead to it');
    },
  },
  {
    name: 'promote',
    isOneWrite: true,
    restartMilliseconds: 60_000,
    run: async ({ client }) => void (await client.call(setAlias, toSecond)),
    async repeat({ client }) {
      const { version, revision } = await client.call(setAlias, toSecond);
      demand(version === 2 && revision === 2, `it points to ${version} by step ${revision}`);
      const { items } = await client.call(listAliasHistory, production);
      demand(items.map((step) => step.version).join() === '2,1', 'the history has other steps');
    },
  },
  {
    name: 'make a key',
    isOneWrite: true,
    restartMilliseconds: 60_000,
    run: async ({ client }) => void (await client.call(createKey, newKey)),
    async repeat({ client }) {
      const { key } = await client.call(createKey, newKey);
      const { items } = await client.call(listKeys, { query: {} });
      const made = items.filter(({ name }) => name === 'made');
      demand(made.length === 1 && made[0]?.id === key.id, `there are ${made.length} such keys`);
    },
  },
  {
    name: 'rotate a key',
    isOneWrite: true,
    restartMilliseconds: 60_000,
    run: async ({ client, facts }) => void (await client.call(rotateKey, rotation(facts.keyId))),
    async repeat({ client, facts }) {
      const { key } = await client.call(rotateKey, rotation(facts.keyId));
      demand(key.id === facts.keyId && key.revokedAt === null, 'the key is another or revoked');
    },
  },
  {
    name: 'revoke a key',
    isOneWrite: true,
    restartMilliseconds: 60_000,
    run: ({ client, facts }) => client.call(revokeKey, { params: { key: facts.keyId } }),
    async repeat({ client, facts }) {
      await client.call(revokeKey, { params: { key: facts.keyId } });
      const { items } = await client.call(listKeys, { query: {} });
      demand(items.find(({ id }) => id === facts.keyId)?.revokedAt !== null, 'the key is not revoked');
    },
  },
  {
    name: 'delete an adapter',
    isOneWrite: false,
    restartMilliseconds: 2 * keptMilliseconds,
    async run(scene) {
      await scene.client.call(deleteAdapter, gone);
      scene.pass(keptMilliseconds);
      await scene.sweep();
    },
    async repeat(scene) {
      await refusedAsAbsent(scene.client.call(deleteAdapter, gone));
      await refusedAsAbsent(scene.client.call(getAdapter, gone), true);
      scene.pass(2 * keptMilliseconds);
      await scene.sweep();
    },
  },
  {
    name: 'erase a dataset',
    isOneWrite: false,
    restartMilliseconds: 2 * settleMilliseconds,
    async run(scene) {
      await scene.client.call(eraseDataset, letters);
      await scene.sweep();
      scene.pass(settleMilliseconds);
      await scene.sweep();
    },
    async repeat(scene) {
      await scene.client.call(eraseDataset, letters);
      scene.pass(2 * settleMilliseconds);
      for (let look = 0; look < 2; look++) await scene.sweep();
      const { state, erased } = await scene.client.call(getErasure, letters);
      demand(state === 'erased' && erased.versions === 1, `it is ${state} with ${erased.versions} versions`);
      const gone = await scene.client.call(getVersion, { params: { adapter: 'learnt', version: '1' } }).catch(statusOf);
      demand(gone === 410, `what was made of it is answered ${String(gone)}`);
      const { versions } = await scene.client.call(getAdapter, french);
      demand(versions === 3, 'what has nothing to do with it has gone');
    },
  },
];

const statusOf = (error: unknown): unknown => (error instanceof ApiError ? error.status : error);

/** An earlier try may have done it. */
async function refusedAsAbsent(call: Promise<unknown>, surely = false): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return;
    throw error;
  }
  demand(!surely, 'what was deleted is shown');
}
