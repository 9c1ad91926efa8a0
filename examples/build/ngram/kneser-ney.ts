/** Probability of a token after its context, the nearest token last. */
export type NextTokenModel = (token: number, context: readonly number[]) => number;

/**
 * Interpolated n-gram model with modified Kneser-Ney smoothing (Chen and Goodman 1999, equations 26-28): the highest order uses
 * counts, every lower order the number of different tokens seen before; three discounts per order from the counts of counts; the
 * unigram is interpolated with 1 / vocabulary. `rows` are padded on the left by `boundary`, so that a row's start has a context too.
 */
export function kneserNey(
  rows: Iterable<ArrayLike<number>>,
  options: { readonly order: 1 | 2 | 3; readonly vocabulary: number; readonly boundary: number },
): NextTokenModel {
  const { order, vocabulary } = options;
  const levels: Level[] = [];
  let counts = countGrams(rows, options);
  for (let n = order; n >= 1; n--) {
    levels.unshift(makeLevel(counts, vocabulary));
    counts = continuationCounts(counts, vocabulary ** (n - 1));
  }
  return (token, context) => {
    let probability = 1 / vocabulary;
    let contextKey = 0;
    for (const [n, level] of levels.entries()) {
      if (n > 0) contextKey += (context[context.length - n] as number) * vocabulary ** (n - 1); // callers give order-1 tokens
      const statistics = level.contexts.get(contextKey);
      if (!statistics) break; // a context never seen says nothing: the lower order stands
      const count = level.grams.get(contextKey * vocabulary + token) ?? 0;
      const discounted = Math.max(0, count - (level.discounts[Math.min(count, 3)] as number));
      probability = discounted / statistics.total + statistics.backoffWeight * probability;
    }
    return probability;
  };
}

/** Counts of n-grams by key: the tokens as digits to base `vocabulary`, the oldest token first. */
type GramCounts = Map<number, number>;

interface Level {
  readonly grams: GramCounts;
  readonly contexts: ReadonlyMap<number, { readonly total: number; readonly backoffWeight: number }>;
  /** By count: 0, 1, 2, 3 or more. */
  readonly discounts: readonly number[];
}

function countGrams(
  rows: Iterable<ArrayLike<number>>,
  { order, vocabulary, boundary }: { order: number; vocabulary: number; boundary: number },
): GramCounts {
  const counts: GramCounts = new Map();
  const modulus = vocabulary ** order;
  const start = Array.from({ length: order - 1 }).reduce<number>((key) => key * vocabulary + boundary, 0);
  for (const row of rows) {
    let key = start;
    for (let i = 0; i < row.length; i++) {
      key = (key * vocabulary + (row[i] as number)) % modulus;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return counts;
}

/** How many different tokens stand before each (n-1)-gram. */
function continuationCounts(counts: GramCounts, modulus: number): GramCounts {
  const continuations: GramCounts = new Map();
  for (const key of counts.keys()) {
    const shorter = key % modulus;
    continuations.set(shorter, (continuations.get(shorter) ?? 0) + 1);
  }
  return continuations;
}

function makeLevel(grams: GramCounts, vocabulary: number): Level {
  const discounts = kneserNeyDiscounts(grams.values());
  const sums = new Map<number, { total: number; discounted: number }>();
  for (const [key, count] of grams) {
    const context = Math.floor(key / vocabulary);
    let sum = sums.get(context);
    if (!sum) sums.set(context, (sum = { total: 0, discounted: 0 }));
    sum.total += count;
    sum.discounted += discounts[Math.min(count, 3)] as number;
  }
  const contexts = new Map(
    [...sums].map(([context, { total, discounted }]) => [context, { total, backoffWeight: discounted / total }]),
  );
  return { grams, contexts, discounts };
}

/** Y = n1 / (n1 + 2 n2); D(c) = c - (c + 1) Y n(c+1) / n(c), for c = 1, 2, 3 and more; c / 2 where nothing has c or c + 1 counts. */
export function kneserNeyDiscounts(counts: Iterable<number>): number[] {
  const n = [0, 0, 0, 0, 0];
  for (const count of counts) if (count <= 4) n[count] = (n[count] as number) + 1;
  const [, n1 = 0, n2 = 0] = n;
  const y = n1 / (n1 + 2 * n2);
  return [0, 1, 2, 3].map((c) => {
    const [same = 0, next = 0] = n.slice(c, c + 2);
    return c === 0 || same === 0 || next === 0 ? c / 2 : Math.max(0, c - ((c + 1) * y * next) / same);
  });
}
