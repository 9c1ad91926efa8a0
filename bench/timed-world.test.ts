import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { World } from '../shared/platform/ports.ts';
import { openLocalApi } from '../test/support/local-api.ts';
import { timeWorld } from './timed-world.ts';

/** A real world, but for what each test makes slow. */
async function timing(slow: (world: World) => World, run: (timed: ReturnType<typeof timeWorld>) => Promise<void>) {
  const api = await openLocalApi();
  try {
    await run(timeWorld(slow(api.world)));
  } finally {
    await api.close();
  }
}

test('calls are counted by name, and those that run at once are timed once', async () => {
  const slow = (world: World): World => ({ ...world, events: { publish: () => delay(200) } });
  await timing(slow, async ({ world, take }) => {
    const event = { type: 'upload-completed', team: 'blue', uploadId: 'upl_1' } as const;
    await Promise.all([world.events.publish(event), world.events.publish(event)]);
    await world.table.get({ partition: 'a', sort: 'b' });
    const { milliseconds, calls } = take();
    expect(calls).toEqual({ 'events.publish': 2, 'table.get': 1 });
    expect(milliseconds).toBeGreaterThan(190);
    expect(milliseconds).toBeLessThan(390);
    expect(take()).toEqual({ milliseconds: 0, calls: {} });
  });
});

test('of a stream, the time to get its pieces counts, and not what is done with them', async () => {
  const slow = (world: World): World => ({
    ...world,
    blobs: Object.assign(Object.create(world.blobs) as World['blobs'], {
      async *stream() {
        await delay(100);
        yield new Uint8Array(1);
      },
    }),
  });
  await timing(slow, async ({ world, take }) => {
    for await (const piece of world.blobs.stream({ key: 'a', versionId: 'b' })) await delay(300 * piece.length);
    const { milliseconds, calls } = take();
    expect(calls).toEqual({ 'blobs.stream': 1 });
    expect(milliseconds).toBeGreaterThan(90);
    expect(milliseconds).toBeLessThan(290);
  });
});
