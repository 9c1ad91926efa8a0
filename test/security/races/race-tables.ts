import { setTimeout } from 'node:timers/promises';
import { UnavailableError } from '../../../shared/errors.ts';
import type { RecordTable, RecordWrite } from '../../../shared/platform/ports.ts';
import { changed } from '../../support/changed.ts';

/** Counts calls, and those that end without an answer. */
export function watched(inner: RecordTable, counts: { calls: number; faults: number }): RecordTable {
  return new Proxy(inner, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== 'function') return method;
      return (...args: readonly unknown[]) => {
        counts.calls++;
        const result: unknown = Reflect.apply(method, target, args);
        if (!(result instanceof Promise)) return result;
        return result.catch((error: unknown) => {
          if (error instanceof UnavailableError) counts.faults++;
          throw error;
        });
      };
    },
  });
}

/**
 * Writes whatever it is told, whether or not somebody else has written meanwhile; and after a pause, so that somebody has, however fast the
 * store is.
 */
export function withoutConditions(inner: RecordTable): RecordTable {
  const transact: RecordTable['transact'] = async (writes, options) => {
    await setTimeout(pauseMilliseconds);
    return inner.transact(
      writes.flatMap((write): RecordWrite[] => {
        if ('check' in write) return [];
        return 'put' in write ? [{ put: write.put }] : [{ delete: write.delete }];
      }),
      options,
    );
  };
  return changed(inner, { transact });
}

const pauseMilliseconds = 20;
