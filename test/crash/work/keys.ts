import { setTimeout as wait } from 'node:timers/promises';
import { createKey, revokeKey } from '../../../shared/contract/keys.ts';
import type { Worker } from '../client.ts';

/** Makes keys and revokes most of them; a revoked one must open nothing from then on. */
export async function workOnKeys(worker: Worker): Promise<void> {
  const revoked: string[] = [];
  for (let i = 1; !worker.isOver(); i++) {
    await worker.pause(500);
    const body = { name: `key ${i}`, scopes: ['jobs:read' as const] };
    const made = await worker.surely((api, key) => api.call(createKey, { body, ...key }));
    if (made.kind !== 'done') continue;
    const { key, secret } = made.answer;
    const { id, scopes } = key;
    const state = { id, scopes };
    worker.note({ kind: 'state', thing: 'key', name: id, state: { ...state, revokedAt: null }, acknowledged: true });
    worker.note({ kind: 'change', action: 'key.create', resource: `keys/${id}`, requestId: made.requestId });
    if (worker.random() < 0.3) continue;
    // from here on the moment is unknown until an answer came
    worker.note({ kind: 'state', thing: 'key', name: id, state, acknowledged: false });
    const gone = await worker.surely((api) => api.call(revokeKey, { params: { key: id } }));
    if (gone.kind === 'refused') worker.bug(`the key ${id} could not be revoked: ${gone.error.message}`);
    if (gone.kind !== 'done') continue;
    worker.note({ kind: 'revoked', keyId: id });
    worker.note({ kind: 'change', action: 'key.revoke', resource: `keys/${id}`, requestId: gone.requestId });
    // the answer to a repeated call has no secret
    if (secret !== null) revoked.push(secret);
    const tried = revoked[Math.floor(worker.random() * revoked.length)];
    if (tried !== undefined && (await opens(worker, tried))) worker.bug('a key that was revoked is accepted');
  }
}

async function opens({ api }: Worker, secret: string): Promise<boolean> {
  const call = { headers: { authorization: `Bearer ${secret}` } };
  for (let tries = 1; tries <= 20; tries++) {
    const response = await fetch(new URL('/v1/me', api.url), call).catch(() => undefined);
    if (response) return response.ok;
    await wait(200);
  }
  return false;
}
