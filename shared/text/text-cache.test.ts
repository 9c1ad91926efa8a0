import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createTextCache, type ModelText, type TextCacheBounds, type WantedText } from './text-cache.ts';

const bounds: TextCacheBounds = { texts: 2, sizeBytes: 100, idleMilliseconds: 60_000 };

/** Texts that tell what became of them. */
function texts() {
  const told: string[] = [];
  const wanted = (key: string, sizeBytes = 10): WantedText => ({
    key,
    sizeBytes,
    open: async () => {
      told.push(`open ${key}`);
      const close = async (): Promise<void> => void told.push(`close ${key}`);
      return { tokenizer: undefined, template: { close } } as unknown as ModelText; // nothing is encoded here
    },
  });
  return { told, wanted };
}

const nothing = async (): Promise<void> => undefined;

test('a text is made once for all who use it, one after the other or at once', async () => {
  const { told, wanted } = texts();
  const cache = createTextCache(bounds);
  await cache.use(wanted('a'), nothing);
  await Promise.all([cache.use(wanted('a'), nothing), cache.use(wanted('a'), nothing)]);
  expect(told).toEqual(['open a']);
  cache.close();
  await delay(0);
  expect(told).toEqual(['open a', 'close a']);
});

test('the one that was used longest ago goes where there are more, or more bytes, than are kept', async () => {
  const { told, wanted } = texts();
  const cache = createTextCache(bounds);
  for (const key of ['a', 'b', 'a', 'c']) await cache.use(wanted(key), nothing);
  await delay(0);
  expect(told).toEqual(['open a', 'open b', 'open c', 'close b']);
  await cache.use(wanted('d', 91), nothing);
  await delay(0);
  expect(told.slice(4)).toEqual(['open d', 'close a', 'close c']);
});

test('one byte more than is kept is used and closed, and drives nothing out', async () => {
  const { told, wanted } = texts();
  const cache = createTextCache(bounds);
  await cache.use(wanted('a', 0), nothing);
  await cache.use(wanted('large', 101), nothing);
  await cache.use(wanted('most', 100), nothing);
  await cache.use(wanted('a', 0), nothing);
  await delay(0);
  expect(told).toEqual(['open a', 'open large', 'close large', 'open most']);
});

test('what is in use is not closed, however it is driven out', async () => {
  const { told, wanted } = texts();
  const cache = createTextCache({ ...bounds, texts: 1 });
  await cache.use(wanted('a'), async () => {
    await cache.use(wanted('b'), nothing);
    cache.close();
    await delay(0);
    expect(told).toEqual(['open a', 'open b', 'close b']);
  });
  await delay(0);
  expect(told.at(-1)).toBe('close a');
});

test('what nobody uses for a while is closed, and not while somebody does', async () => {
  const { told, wanted } = texts();
  const cache = createTextCache({ ...bounds, idleMilliseconds: 20 });
  await cache.use(wanted('a'), nothing);
  await cache.use(wanted('a'), async () => {
    await delay(100);
    expect(told).toEqual(['open a']);
  });
  await expect.poll(() => told).toEqual(['open a', 'close a']);
});

test('a text that could not be made is tried again', async () => {
  const { told, wanted } = texts();
  const cache = createTextCache(bounds);
  const failing = { ...wanted('a'), open: async () => Promise.reject(new Error('no such file')) };
  await expect(cache.use(failing, nothing)).rejects.toThrow('no such file');
  await cache.use(wanted('a'), nothing);
  expect(told).toEqual(['open a']);
});
