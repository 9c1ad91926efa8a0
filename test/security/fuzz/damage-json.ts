import type { FuzzRandom } from './fuzz-random.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A copy with one thing changed somewhere inside: exchanged, left out, doubled, renamed or wrapped. */
export function damageJson(random: FuzzRandom, value: Json): Json {
  const copy = structuredClone(value);
  const holders: (Json[] | Record<string, Json>)[] = [];
  const visit = (node: Json): void => {
    if (typeof node !== 'object' || node === null) return;
    holders.push(node);
    for (const child of Object.values(node)) visit(child);
  };
  visit(copy);
  if (holders.length === 0 || random.chance(0.03)) return hostileValue(random);
  const holder = random.pick(holders);
  const keys = Object.keys(holder);
  if (keys.length === 0 && Array.isArray(holder)) {
    holder.push(hostileValue(random));
    return copy;
  }
  if (keys.length === 0) return put(holder, random.pick(hostileKeys), hostileValue(random), copy);
  const key = random.pick(keys);
  const record = holder as Record<string, Json>; // a list is one by its positions, too
  const old = record[key] as Json;
  switch (random.below(7)) {
    case 0:
      return put(holder, key, near(random, old), copy);
    case 1:
    case 2:
      return put(holder, key, hostileValue(random), copy);
    case 3:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete record[key];
      return copy;
    case 4:
      if (Array.isArray(holder)) holder.push(structuredClone(old));
      else record[random.pick(hostileKeys)] = structuredClone(old);
      return copy;
    case 5:
      return put(holder, key, random.chance(0.5) ? [old] : { [random.pick(hostileKeys)]: old }, copy);
    default:
      return put(holder, key, structuredClone(record[random.pick(keys)] as Json), copy);
  }
}

/** Its text in UTF-8, which now and then is damaged as text. */
export function jsonBytes(random: FuzzRandom, value: Json, damageChance = 0.08): Uint8Array {
  const text = JSON.stringify(value);
  if (!random.chance(damageChance)) return new TextEncoder().encode(text);
  switch (random.below(6)) {
    case 0:
      return new TextEncoder().encode(text.slice(0, random.below(text.length)));
    case 1: // a key twice
      return new TextEncoder().encode(text.replace(/\{("(?:[^"\\]|\\.)*":)/, (_, key: string) => `{${key}0,${key}`));
    case 2: {
      const depth = random.pick([50, 1000, 20_000]);
      return new TextEncoder().encode('['.repeat(depth) + text + ']'.repeat(depth));
    }
    case 3:
      return new TextEncoder().encode(`\ufeff${text}`);
    case 4: {
      const bytes = new TextEncoder().encode(text);
      bytes[random.below(bytes.length)] = random.pick([0xff, 0xc0, 0x80, 0x00, 0x22]);
      return bytes;
    }
    default:
      return new TextEncoder().encode(`${text}${random.pick([' ', ']', '}', '\0', text])}`);
  }
}

const hostileKeys = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  'length',
  'then',
  '\u0000',
  'a.b',
  '0',
];

const hostileNumbers = [0, -0, -1, 0.5, 1e-320, 1e308, -1e308, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 + 2, 2 ** 63, 1e21];
const hostileTexts = [
  '',
  ' ',
  '\0',
  '../../etc/passwd',
  'a'.repeat(5000),
  '\ud800',
  '__proto__',
  'null',
  'NaN',
  '1e9',
  '𝒳',
];

export function hostileValue(random: FuzzRandom): Json {
  switch (random.below(7)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
    case 3:
      return random.pick(hostileNumbers);
    case 4:
      return random.pick(hostileTexts);
    case 5:
      return random.pick<Json>([[], [[]], [null], [1, 'a'], [0, 0, 0], Array.from({ length: 2000 }, () => 0)]);
    default:
      return random.pick<Json>([{}, { a: {} }, { length: 3 }, { toString: 1 }]);
  }
}

/** A value of the same kind close by, where rules have their bounds. */
function near(random: FuzzRandom, value: Json): Json {
  if (typeof value === 'number') return value + random.pick([-1, 1, -value, value, 0.5]);
  if (typeof value === 'string')
    return random.pick([value.slice(1), `${value}x`, value.toUpperCase(), `${value}${value}`, ` ${value}`]);
  if (typeof value === 'boolean') return !value;
  return hostileValue(random);
}

/** Sets an own key whatever its name. */
function put(holder: Json[] | Record<string, Json>, key: string, value: Json, whole: Json): Json {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
  return whole;
}
