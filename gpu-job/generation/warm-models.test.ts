import { expect, it } from 'vitest';
import { warmModels, type Warm } from './warm-models.ts';

interface Room extends Warm {
  readonly name: string;
}

const log: string[] = [];
const use = (models: ReturnType<typeof warmModels<Room>>, name: string, sizeBytes = 1): Promise<Room> =>
  models.use(name, sizeBytes, async () => {
    log.push(`open ${name}`);
    return { name, sizeBytes, close: async () => void log.push(`close ${name}`) };
  });
const told = (): string[] => log.splice(0);

it('keeps so many open, and closes the one that was used longest ago before it opens another', async () => {
  const models = warmModels<Room>(2, 100);
  for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) await use(models, name);
  expect(told()).toEqual(['open a', 'open b', 'close b', 'open c', 'close c', 'open b']);
  await models.close();
  expect(told()).toEqual(['close a', 'close b']);
});

it('holds so many bytes and not one more', async () => {
  const models = warmModels<Room>(9, 10);
  await use(models, 'a', 4);
  await use(models, 'b', 6);
  expect(told()).toEqual(['open a', 'open b']);
  await use(models, 'c', 5);
  expect(told()).toEqual(['close a', 'close b', 'open c']);
});

it('opens one that is larger than all of it alone', async () => {
  const models = warmModels<Room>(9, 10);
  await use(models, 'a', 4);
  await use(models, 'b', 11);
  expect(told()).toEqual(['open a', 'close a', 'open b']);
});

it('keeps nothing of a model that could not be opened', async () => {
  const models = warmModels<Room>(2, 10);
  await expect(models.use('a', 1, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect((await use(models, 'a')).name).toBe('a');
  told();
});
