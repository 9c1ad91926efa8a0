import { UnavailableError } from '../../shared/errors.ts';
import type { BlobStore, JobRunner, RecordPage, RecordQuery, RecordTable } from '../../shared/platform/ports.ts';

/** What may go wrong in a world that keeps its promises, each as a share of the calls. */
const shares = {
  /** Refused before anything happened: throttling, a conflict with another transaction. */
  refused: 0.15,
  /** Done, but the answer does not arrive. */
  answerLost: 0.15,
  /** An index answers as it did before. */
  staleIndex: 0.5,
  /** A page ends early. */
  shortPage: 0.4,
};

type Random = () => number;

/** Injects refused calls and lost answers into every method that gives a promise. `lossless`: methods that leave something on this disk. */
function unreliable<T extends object>(inner: T, random: Random, lossless: readonly string[] = []): T {
  return new Proxy(inner, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name, target);
      if (typeof method !== 'function') return method;
      return (...args: readonly unknown[]) => {
        if (random() < shares.refused && !isSequence(name)) {
          return Promise.reject(new UnavailableError(`injected: ${String(name)} was refused`));
        }
        const result: unknown = Reflect.apply(method, target, args);
        if (!(result instanceof Promise) || random() >= shares.answerLost || lossless.includes(String(name)))
          return result;
        return result.then(() => {
          throw new UnavailableError(`injected: the answer of ${String(name)} was lost`);
        });
      };
    },
  });
}

export function faultyTable(inner: RecordTable, random: Random): RecordTable {
  const answers = new Map<string, RecordPage>();
  const query = async (asked: RecordQuery): Promise<RecordPage> => {
    const name = JSON.stringify(asked);
    const earlier = answers.get(name);
    if (asked.index && earlier && random() < shares.staleIndex) return earlier;
    const whole = await inner.query(asked);
    const answer = random() < shares.shortPage ? shortened(whole, asked) : whole;
    answers.set(name, answer);
    // an index that has not caught up knows nothing of what was just written
    return asked.index && !earlier && random() < shares.staleIndex ? { records: [] } : answer;
  };
  const reliable: RecordTable = {
    get: (key) => inner.get(key),
    put: (record, condition) => inner.put(record, condition),
    delete: (key, condition) => inner.delete(key, condition),
    increment: (key, field, by, options) => inner.increment(key, field, by, options),
    transact: (writes, options) => inner.transact(writes, options),
    query,
  };
  return unreliable(reliable, random);
}

/** The first half of a page, as one that has reached its limit of bytes. */
function shortened(page: RecordPage, { index }: RecordQuery): RecordPage {
  const records = page.records.slice(0, Math.ceil(page.records.length / 2));
  const last = records.at(-1);
  if (!last || records.length === page.records.length) return page;
  return { records, next: (index ? last[index] : last.key)?.sort ?? '' };
}

export const faultyBlobs = (inner: BlobStore, random: Random): BlobStore => unreliable(inner, random, ['materialise']);

export const faultyRunner = (inner: JobRunner, random: Random): JobRunner => unreliable(inner, random);

/** Numbers from 0 to 1 that a seed determines (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** These give an asynchronous sequence, whose reader has no call to repeat. */
const isSequence = (name: string | symbol): boolean => name === 'stream' || name === 'list';
