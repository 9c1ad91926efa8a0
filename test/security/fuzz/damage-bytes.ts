import type { FuzzRandom } from './fuzz-random.ts';

/** A copy with one damage: a changed byte, a number of 4 or 8 bytes at a bound, a piece cut out, doubled or exchanged. */
export function damageBytes(random: FuzzRandom, bytes: Uint8Array): Uint8Array {
  if (bytes.length < 9) return Uint8Array.of(...bytes, random.below(256));
  const copy = Uint8Array.from(bytes);
  const view = new DataView(copy.buffer);
  const at = random.below(bytes.length - 8);
  // most of what readers go by stands in front
  const early = random.chance(0.5) ? Math.min(at, random.below(64)) : at;
  switch (random.below(7)) {
    case 0:
      copy[early] = random.below(256);
      return copy;
    case 1:
      view.setUint32(early, random.pick(bounds32), true);
      return copy;
    case 2:
      view.setBigUint64(early, random.pick(bounds64), true);
      return copy;
    case 3:
      return copy.slice(0, random.below(bytes.length));
    case 4: {
      const end = Math.min(bytes.length, at + 1 + random.below(64));
      return Uint8Array.from([...copy.subarray(0, at), ...copy.subarray(end)]);
    }
    case 5: {
      const piece = copy.subarray(at, Math.min(bytes.length, at + 1 + random.below(64)));
      return Uint8Array.from([...copy.subarray(0, at), ...piece, ...copy.subarray(at)]);
    }
    default: {
      const length = 1 + random.below(8);
      copy.copyWithin(early, at, at + length);
      return copy;
    }
  }
}

const bounds32 = [0, 1, 2, 3, 8, 9, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
const bounds64 = [
  0n,
  1n,
  4n,
  255n,
  65_536n,
  1n << 20n,
  1n << 31n,
  1n << 32n,
  1n << 40n,
  (1n << 53n) - 1n,
  1n << 53n,
  1n << 63n,
  (1n << 64n) - 1n,
];
