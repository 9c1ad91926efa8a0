import { createHash } from 'node:crypto';
import { allHandlers } from '../../../functions/dev-server/all-handlers.ts';
import { createApi } from '../../../functions/http/create-api.ts';
import { findApiKey, parseKeyText } from '../../../shared/records/api-keys.ts';
import type { RaceFacts } from './facts.ts';
import { openRaceWorld, type RacePlace } from './race-place.ts';
import type { Told } from './told.ts';

/** Of the secrets that clients were told, the last one and the one before open the API, and no other does. */
export async function checkOverlap(place: RacePlace, facts: RaceFacts, told: readonly Told[]): Promise<string[]> {
  const { world, close } = await openRaceWorld(place);
  const api = createApi({ world }, allHandlers);
  const found: string[] = [];
  try {
    for (const first of facts.rotated) {
      const keyId = parseKeyText(first)?.keyId ?? '';
      const record = (await findApiKey(world.table, keyId))?.value;
      const good = [record?.secretSha256, record?.previous?.secretSha256];
      const texts = told.flatMap((entry) =>
        entry.race === 'rotate' && entry.keyId === keyId && entry.secret !== null ? [entry.secret] : [],
      );
      for (const text of [first, ...texts]) {
        const headers = { authorization: `Bearer ${text}` };
        const { status } = await api.fetch(new Request('http://127.0.0.1:1/v1/me', { headers }));
        const digest = createHash('sha256')
          .update(parseKeyText(text)?.secret ?? '')
          .digest('hex');
        const should = good.includes(digest) ? 200 : 401;
        if (status !== should) found.push(`a secret of ${keyId} is answered ${status}, not ${should}`);
      }
    }
  } finally {
    await close();
  }
  return found;
}
