import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Adapter } from '../../../shared/contract/adapters.ts';
import { openCliWorld, type CliWorld } from '../../support/lorary-cli.ts';

let cli: CliWorld;
beforeAll(async () => {
  cli = await openCliWorld();
});
afterAll(() => cli.close());

test('a price that is none and a server that is not there are refused', async () => {
  expect(await cli.run(['smoke', '--usd-per-hour', '-1'])).toMatchObject({ code: 2, out: '' });
  const away = await cli.run(['smoke'], { LORARY_URL: 'http://127.0.0.1:9', LORARY_KEY: cli.key });
  expect(away.code).not.toBe(0);
});

test('the smallest job runs again and again, sends its base and rows once, and says what it took', async () => {
  const first = await cli.run(['smoke', '--steps', '1']);
  expect(first.code).toBe(0);
  expect(first.out).toMatch(/^The server does its work: a machine was there after \d+ s, and the job took \d+ s\.\n$/);
  const took = await cli.json<object>(['smoke', '--steps', '1', '--usd-per-hour', '3600']);
  expect(took).toMatchObject({ job: { state: 'succeeded', attempt: 1 } });
  const { ranSeconds, usd } = took as { ranSeconds: number; usd: number };
  expect(usd).toBeCloseTo(ranSeconds, 6);
  const { adapters } = await cli.json<{ adapters: Adapter[] }>(['ls']);
  expect(adapters.map(({ name, versions }) => [name, versions])).toEqual([['lorary-smoke', 2]]);
}, 60_000);
