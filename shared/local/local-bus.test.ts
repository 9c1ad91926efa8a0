import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { PlatformEvent } from '../platform/ports.ts';
import { createLocalBus } from './local-bus.ts';

const event: PlatformEvent = { type: 'upload-completed', team: 'a', uploadId: 'u' };

test('a handler that fails is logged, and neither the publisher nor the other handlers notice', async () => {
  const logged: string[] = [];
  const seen: PlatformEvent[] = [];
  const bus = createLocalBus((message, error) => logged.push(`${message}: ${String(error)}`));
  bus.subscribe(() => {
    throw new Error('planted');
  });
  bus.subscribe(async () => {
    throw new Error('planted too');
  });
  bus.subscribe(async (got) => void seen.push(got));
  await bus.publish(event);
  // what is published is delivered afterwards, so no handler runs inside the publisher's work
  expect(seen).toEqual([]);
  await setImmediate();
  expect(seen).toEqual([event]);
  expect(logged.toSorted()).toEqual([
    'a handler of upload-completed failed: Error: planted',
    'a handler of upload-completed failed: Error: planted too',
  ]);
});

test('an event without handlers is nobody’s business', async () => {
  await createLocalBus(() => {}).publish(event);
});
