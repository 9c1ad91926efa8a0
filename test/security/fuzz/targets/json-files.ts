import { parseQuantState } from '../../../../shared/formats/bitsandbytes.ts';
import { duplicateJsonKeys } from '../../../../shared/formats/duplicate-json-keys.ts';
import { parseModelIndex } from '../../../../shared/formats/model-index.ts';
import { DomainError } from '../../../../shared/errors.ts';
import { damageJson, jsonBytes, type Json } from '../damage-json.ts';
import type { FuzzRandom } from '../fuzz-random.ts';
import { Unsound, type FuzzTarget } from '../target.ts';

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const damaged = (random: FuzzRandom, value: Json): Uint8Array =>
  jsonBytes(random, random.chance(0.6) ? damageJson(random, value) : value);

export const modelIndexTarget: FuzzTarget = {
  name: 'model-index',
  input(random) {
    const files = random.several(1, 6, (at) => [`layers.${at}.weight`, `model-0000${at % 3}-of-00003.safetensors`]);
    const file = random.chance(0.1) ? random.pick(files) : [];
    if (file.length > 0)
      file[1] = random.pick(['../x.safetensors', '/etc/x.safetensors', 'a\\b.safetensors', 'C:x.safetensors']);
    return damaged(random, { metadata: { total_size: 100 }, weight_map: Object.fromEntries(files) as Json });
  },
  read: (bytes) => parseModelIndex(textOf(bytes)) && judgeIndex(bytes),
  planted: {
    fault: 'names of files that lead out of the folder',
    read(bytes) {
      try {
        parseModelIndex(textOf(bytes));
      } catch (error) {
        if (!(error instanceof DomainError) || !error.findings.every(({ code }) => code === 'shard-name')) throw error;
      }
      judgeIndex(bytes);
    },
  },
};

function judgeIndex(bytes: Uint8Array): void {
  const { weight_map: map } = JSON.parse(textOf(bytes)) as { weight_map: Record<string, unknown> };
  for (const file of Object.values(map))
    if (typeof file !== 'string' || /[/\\:]/.test(file) || !file.endsWith('.safetensors'))
      throw new Unsound(`the file ${String(file)}`);
}

export const quantStateTarget: FuzzTarget = {
  name: 'quant-state',
  input: (random) =>
    damaged(random, {
      quant_type: 'nf4',
      blocksize: random.pick([64, 128, 4]),
      dtype: 'bfloat16',
      shape: [1 + random.below(64), 1 + random.below(64)],
      ...(random.chance(0.5) ? { nested_blocksize: 256, nested_dtype: 'float32', nested_offset: 0.04 } : {}),
    }),
  read: (bytes) => readState(bytes),
  planted: {
    fault: 'a shape that is always a list',
    read(bytes) {
      const { shape } = Object(JSON.parse(textOf(bytes).replace(/^\ufeff/, ''))) as { shape: number[] };
      return shape.reduce((product, size) => product * size, 1) > 0 ? readState(bytes) : undefined;
    },
  },
};

function readState(bytes: Uint8Array): void {
  const state = parseQuantState(bytes);
  if (typeof state === 'string') throw new DomainError('quant-state', state);
  const { shape, packing } = state;
  for (const size of [...shape, packing.blockSize, packing.nested?.blockSize ?? 1])
    if (!Number.isSafeInteger(size) || size < 1) throw new Unsound(`a size of ${size}`);
}

export const repeatedKeysTarget: FuzzTarget = {
  name: 'repeated-keys',
  input(random) {
    const value = (depth: number): string => {
      const kind = depth > 3 ? 0 : random.below(4);
      if (kind === 0) return random.pick(['1', 'null', '"a:b"', '"\\"{"', '"}"', '""', 'true', '"\\\\"', '-1e3']);
      if (kind === 1) return `[${random.several(0, 3, () => value(depth + 1)).join(random.pick([',', ' , ']))}]`;
      const names = ['"a"', '"b"', '"c"', '"d"', '"e"', '"\\u0061"', '"x,y"', '"{"', '"\\\\"', '"__proto__"'];
      return `{${random.several(0, 3, () => `${random.pick(names)}${random.pick([':', ' : '])}${value(depth + 1)}`).join()}}`;
    };
    return new TextEncoder().encode(value(0));
  },
  read: (bytes) => judgeKeys(textOf(bytes), duplicateJsonKeys(textOf(bytes)).length),
  planted: {
    fault: 'keys that are compared as they are written',
    read(bytes) {
      const raw = textOf(bytes).replaceAll('\\u0061', 'A');
      return judgeKeys(textOf(bytes), duplicateJsonKeys(raw).length);
    },
  },
};

/** Every key that stands in the text is in what it means, or was overwritten there: at least one less for each repetition. */
function judgeKeys(text: string, repetitions: number): void {
  const written = [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(([, colon]) => colon !== undefined).length;
  const count = (value: unknown): number =>
    typeof value !== 'object' || value === null
      ? 0
      : Object.values(value).reduce<number>(
          (sum, inner) => sum + count(inner),
          Array.isArray(value) ? 0 : Object.keys(value).length,
        );
  const lost = written - count(JSON.parse(text));
  // what an overwritten value held is lost with it
  if (lost > 0 !== repetitions > 0 || repetitions > lost)
    throw new Unsound(`${repetitions} repetitions, ${lost} keys lost`);
  if (repetitions > 0) throw new DomainError('duplicate-key', 'a key is repeated');
}
