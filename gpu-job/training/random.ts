/**
 * Random numbers by counting: every number is a function of (seed, purpose, counters) and of nothing drawn before, so a run that
 * resumes needs no generator state, and one purpose never shifts the numbers of another.
 */

/** What numbers are drawn for. The codes are part of every result: never change one. */
const purposes = { initial: 1, shuffle: 2, split: 3, dropout: 4, sample: 5, bootstrap: 6 } as const;
export type Purpose = keyof typeof purposes;

/** A sequence of independent numbers. */
export interface RandomStream {
  /** Uniform in [0, 1), all 53 bits of a double. */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
  /** A whole number in [0, bound), bound at most 2^32: the bias is below 2^-21. */
  below(bound: number): number;
}

/**
 * The stream of a seed and a purpose, at two counters such as epoch and step. Seed and counters are whole numbers below 2^32.
 * A stream holds 2^33 numbers.
 */
export function randomStream(seed: number, purpose: Purpose, first = 0, second = 0): RandomStream {
  const key = [seed, purposes[purpose]] as const;
  let block = new Uint32Array(4);
  let used = 4;
  let count = 0;
  const word = (): number => {
    if (used === 4) {
      block = philox4x32([count++, first, second, 0], key);
      used = 0;
    }
    return block[used++] as number; // used was below 4
  };
  const uniform = (): number => (word() * 2 ** 21 + (word() >>> 11)) * 2 ** -53;
  let spare: number | undefined;
  return {
    uniform,
    below: (bound) => Math.floor(uniform() * bound),
    normal() {
      if (spare !== undefined) {
        const value = spare;
        spare = undefined;
        return value;
      }
      // Box-Muller; 1 - u lies in (0, 1], where the logarithm is finite
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      spare = radius * Math.sin(angle);
      return radius * Math.cos(angle);
    },
  };
}

/** The stream of a named thing, for example a tensor: the same whatever else draws numbers. */
export function namedStream(seed: number, purpose: Purpose, name: string): RandomStream {
  return randomStream(seed, purpose, nameHash(name, 0x811c9dc5), nameHash(name, 0x01000193));
}

/** The whole numbers below `count` in an order drawn from the stream (Fisher-Yates). */
export function shuffledIndices(count: number, random: RandomStream): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const kept = order[i] as number; // i and j are below count
    order[i] = order[j] as number;
    order[j] = kept;
  }
  return order;
}

/**
 * Philox-4x32 with ten rounds: four random words from a counter and a key.
 * Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
 */
export function philox4x32(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): Uint32Array<ArrayBuffer> {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0);
    const high1 = multiplyHigh(0xcd9e8d57, c2);
    [c0, c1, c2, c3] = [high1 ^ c1 ^ k0, Math.imul(0xcd9e8d57, c2), high0 ^ c3 ^ k1, Math.imul(0xd2511f53, c0)];
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return Uint32Array.of(c0, c1, c2, c3);
}

/** The upper 32 bits of the product of two 32-bit words, by halves of 16 bits so that no sum leaves 53 bits. */
function multiplyHigh(a: number, b: number): number {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = aHigh * bLow + Math.floor((aLow * bLow) / 65536);
  const carry = aLow * bHigh + (middle % 65536);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

/** FNV-1a over UTF-16 units. */
function nameHash(name: string, start: number): number {
  let hash = start;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
