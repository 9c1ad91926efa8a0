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
  const code = purposes[purpose];
  const block = new Uint32Array(4);
  let used = 4;
  let count = 0;
  const word = (): number => {
    if (used === 4) {
      philox4x32(block, [count++, first, second, 0], seed, code);
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
 * Philox-4x32 with ten rounds: fills `target` with four random words from a counter and a key of two words.
 * Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".
 */
export function philox4x32(
  target: Uint32Array,
  [w0, w1, w2, w3]: readonly [number, number, number, number],
  key0: number,
  key1: number,
): void {
  let [c0, c1, c2, c3, k0, k1] = [w0, w1, w2, w3, key0, key1];
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd251, 0x1f53, c0);
    const high1 = multiplyHigh(0xcd9e, 0x8d57, c2);
    const low0 = Math.imul(0xd2511f53, c0);
    c0 = high1 ^ c1 ^ k0;
    c1 = Math.imul(0xcd9e8d57, c2);
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  target[0] = c0;
  target[1] = c1;
  target[2] = c2;
  target[3] = c3;
}

/** The upper 32 bits of the product of two 32-bit words, one of them in halves: no sum leaves the 53 bits of a double. */
function multiplyHigh(aHigh: number, aLow: number, b: number): number {
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + (middle >>> 16) + (carry >>> 16)) | 0;
}

/** FNV-1a over UTF-16 units. */
function nameHash(name: string, start: number): number {
  let hash = start;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
