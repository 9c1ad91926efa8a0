import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { UnavailableError } from '../../shared/errors.ts';
import type { World } from '../../shared/platform/ports.ts';
import { openLocalApi, type LocalApi } from '../../test/support/local-api.ts';
import { changed } from '../../test/support/changed.ts';
import { openVoice } from './job-voice.ts';

let api: LocalApi;
beforeEach(async () => {
  api = await openLocalApi();
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(async () => {
  vi.useRealTimers();
  await api.close();
});

test('while the store is away one write waits for it, and the end of the job for no more than that', async () => {
  let writes = 0;
  let giveUp = (): void => undefined;
  const away = new Promise<void>((resolve) => (giveUp = resolve));
  const table = changed(api.world.table, {
    async transact() {
      writes += 1;
      await away;
      throw new UnavailableError('away');
    },
  });
  const world: World = { ...api.world, table };
  const voice = openVoice(world, { team: 'blue', jobId: 'job_1', epoch: 1, revision: 1 }, 1);
  vi.advanceTimersByTime(60_000);
  const ended = expect(voice.flush()).rejects.toBeInstanceOf(UnavailableError);
  giveUp();
  await ended;
  voice.stop();
  // each is tried three times
  expect(writes).toBe(2 * 3);
});
