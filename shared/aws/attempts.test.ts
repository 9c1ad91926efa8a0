import { expect, test, vi } from 'vitest';
import { UnavailableError } from '../errors.ts';
import { limits } from '../limits.ts';
import { attempt, ConflictError, defaultPace } from './attempts.ts';

const named = (name: string, more: object = {}): Error => Object.assign(new Error(name), { name }, more);

/** How often a call that always fails so is sent. */
async function triesOf(error: Error, repeatable: boolean): Promise<{ tries: number; thrown: unknown }> {
  let tries = 0;
  const fail = async (): Promise<never> => {
    tries += 1;
    throw error;
  };
  const pace = { triesMax: 4, wait: async () => undefined, random: () => 0.5 };
  const thrown: unknown = await attempt(fail, { repeatable, pace }).catch((caught: unknown) => caught);
  return { tries, thrown };
}

test('what AWS has an answer to is not asked again', async () => {
  for (const error of [named('AccessDeniedException', { $metadata: { httpStatusCode: 400 } }), new TypeError('ours')]) {
    expect(await triesOf(error, true)).toEqual({ tries: 1, thrown: error });
  }
});

test('a write that may have been done is not repeated', async () => {
  const unclear = [
    named('InternalServerError', { $metadata: { httpStatusCode: 500 } }),
    named('ServiceUnavailable', { $metadata: { httpStatusCode: 503 } }),
    named('Error', { code: 'ECONNRESET' }),
    named('TimeoutError'),
    named('RequestTimeout', { $metadata: { httpStatusCode: 400 } }),
  ];
  for (const error of unclear) {
    expect((await triesOf(error, false)).tries).toBe(1);
    const { tries, thrown } = await triesOf(error, true);
    expect(tries).toBe(4);
    expect(thrown).toBeInstanceOf(UnavailableError);
    expect((thrown as Error).cause).toBe(error);
  }
});

test('what was refused for now is tried again, and then unavailable', async () => {
  const refused = [
    named('ThrottlingException', { $metadata: { httpStatusCode: 400 } }),
    named('ProvisionedThroughputExceededException'),
    named('TransactionConflictException'),
    named('SlowDown', { $metadata: { httpStatusCode: 503 } }),
    named('Error', { code: 'ECONNREFUSED' }),
    named('Error', { code: 'EHOSTUNREACH' }),
    new ConflictError('ours'),
  ];
  for (const error of refused) {
    const { tries, thrown } = await triesOf(error, false);
    expect(tries).toBe(4);
    expect(thrown).toBeInstanceOf(UnavailableError);
  }
});

test('when the tries themselves take long, there are no more of them', async () => {
  let tries = 0;
  const silent = async (): Promise<never> => {
    tries += 1;
    vi.advanceTimersByTime(5000);
    throw named('TimeoutError');
  };
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const pace = { ...defaultPace, wait: async () => undefined };
    await expect(attempt(silent, { repeatable: true, pace })).rejects.toBeInstanceOf(UnavailableError);
  } finally {
    vi.useRealTimers();
  }
  expect(tries * 5000).toBe(limits.storePatienceMilliseconds);
});

test('waits grow to the longest one, and all of them fit into a call', async () => {
  const waits: number[] = [];
  const pace = { ...defaultPace, random: () => 1, wait: async (milliseconds: number) => void waits.push(milliseconds) };
  const fail = (): Promise<never> => Promise.reject(named('ThrottlingException'));
  await attempt(fail, { repeatable: true, pace }).catch(() => undefined);
  expect(waits).toEqual([40, 80, 160, 320, 640, 1000, 1000]);
  expect(waits).toHaveLength(limits.awsTriesMax - 1);
});
