import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors.ts';
import { limits } from '../limits.ts';
import { bytesSource, type ByteSink } from './bytes.ts';
import { readGgufHeader } from './gguf-header.ts';
import type { GgufArrayToWrite, GgufMetadata, GgufScalarType, GgufValueToWrite } from './gguf-metadata-write.ts';
import { ggufWrittenTypes, quantizeGguf, type GgufWrittenType } from './gguf-quantize.ts';
import { readGgufTensor } from './gguf-read.ts';
import { ggufTypes, type GgufValue } from './gguf-types.ts';
import { writeGguf, type GgufTensorToWrite } from './gguf-write.ts';

/** Written by test/parity/record-gguf.py. */
const recorded = JSON.parse(readFileSync(new URL('../../test/parity/fixtures/gguf.json', import.meta.url), 'utf8')) as {
  quantized: { type: GgufWrittenType; values: string; bytes: string }[];
  file: { bytes: string; tensors: Record<string, { type: string; shape: number[]; values: string }> };
};
const decode = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const floats = (text: string): Float32Array<ArrayBuffer> => Float32Array.from(new Float32Array(decode(text).buffer));

function memorySink(): ByteSink & { bytes(): Uint8Array } {
  const parts: Uint8Array[] = [];
  return {
    write(bytes) {
      parts.push(bytes.slice());
      return Promise.resolve();
    },
    bytes: () => new Uint8Array(Buffer.concat(parts)),
  };
}

async function written(metadata: GgufMetadata, tensors: readonly GgufTensorToWrite[]): Promise<Uint8Array> {
  const sink = memorySink();
  await writeGguf(sink, metadata, tensors);
  return sink.bytes();
}

const tensor = (
  name: string,
  shape: readonly number[],
  type: GgufWrittenType = 'F32',
  values: Float32Array = new Float32Array(shape.reduce((a, b) => a * b, 1)),
): GgufTensorToWrite => ({ name, shape, type, bytes: () => Promise.resolve(quantizeGguf(type, values)) });

async function refusals(...tensors: GgufTensorToWrite[]): Promise<string[]> {
  try {
    await written({}, tensors);
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    expect(error.code).toBe('gguf-unwritable');
    return error.findings.map(({ where, message }) => `${where}: ${message}`);
  }
}

describe('writeGguf refuses', () => {
  it('two tensors of one name, rows that are no whole blocks and more dimensions than four, all at once', async () => {
    const all = [tensor('a', [2]), tensor('a', [2]), tensor('b', [2, 48], 'F32'), tensor('c', [1, 1, 1, 1, 1])];
    expect(await refusals(...all, { ...tensor('d', [2, 48]), type: 'Q8_0' })).toEqual([
      'a: two tensors have this name',
      'c: it has 5 dimensions; at most 4 exist',
      'd: rows of 48 values do not divide into Q8_0 blocks of 32',
    ]);
    expect(await refusals(tensor('c', [1, 1, 1, 1]))).toEqual([]);
  });

  it('a name one byte past the limit, and takes one at the limit', async () => {
    const longest = 'ß'.repeat(31) + 'x';
    expect(Buffer.byteLength(longest)).toBe(limits.ggufTensorNameBytesMax);
    expect(await refusals(tensor(longest, [1]))).toEqual([]);
    expect(await refusals(tensor(`${longest}x`, [1]))).toEqual([expect.stringContaining('64 bytes; at most 63')]);
  });

  it('a header one byte past the limit, and takes one at the limit', async () => {
    const text = (bytes: number): GgufMetadata => ({ k: 'x'.repeat(bytes) });
    const frame = 4 + 4 + 8 + 8 + 9 + 4 + 8;
    const longest = limits.ggufHeaderBytesMax - frame;
    expect((await written(text(longest), [])).byteLength).toBe(limits.ggufHeaderBytesMax);
    await expect(written(text(longest + 1), [])).rejects.toThrow(/header: it has 67108865 bytes/);
  });

  it('numbers that their type cannot hold, and tensors that give other bytes than they said: our own bugs', async () => {
    for (const [type, value] of [
      ['uint8', 256],
      ['uint32', -1],
      ['int16', 32_768],
      ['uint64', 2n ** 64n],
      ['int32', 0.5],
    ] as const)
      await expect(written({ k: { type, value } }, [])).rejects.toThrow('invariant broken');
    const short = { ...tensor('a', [8]), bytes: () => Promise.resolve(new Uint8Array(31)) };
    await expect(written({}, [short])).rejects.toThrow('a gave 31 bytes instead of 32');
  });
});

const scalarValues: Record<GgufScalarType, fc.Arbitrary<number | bigint>> = {
  uint8: fc.integer({ min: 0, max: 255 }),
  int8: fc.integer({ min: -128, max: 127 }),
  uint16: fc.integer({ min: 0, max: 65_535 }),
  int16: fc.integer({ min: -32_768, max: 32_767 }),
  uint32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  int32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  float32: fc.float({ noNaN: true }),
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  float64: fc.double({ noNaN: true }),
};
const text = fc.string({ unit: 'grapheme' });
const scalarTypes = Object.keys(scalarValues) as GgufScalarType[];
const array = (depth: number): fc.Arbitrary<GgufArrayToWrite> =>
  fc.oneof(
    fc
      .constantFrom(...scalarTypes)
      .chain((of) => fc.array(scalarValues[of]).map((values) => ({ type: 'array' as const, of, values }))),
    fc.array(fc.boolean()).map((values) => ({ type: 'array' as const, of: 'bool' as const, values })),
    fc.array(text).map((values) => ({ type: 'array' as const, of: 'string' as const, values })),
    ...(depth < limits.ggufArrayDepthMax
      ? [
          fc
            .array(array(depth + 1), { maxLength: 3 })
            .map((values) => ({ type: 'array' as const, of: 'array' as const, values })),
        ]
      : []),
  );
const value: fc.Arbitrary<GgufValueToWrite> = fc.oneof(
  text,
  fc.boolean(),
  fc.constantFrom(...scalarTypes).chain((type) => scalarValues[type].map((number) => ({ type, value: number }))),
  array(1),
);

/** What the reader makes of a value: whole numbers past 2^53 stay bigint. */
function asRead(input: GgufValueToWrite): GgufValue {
  if (typeof input === 'string' || typeof input === 'boolean') return input;
  if (input.type === 'array')
    return input.values.map((item) =>
      typeof item === 'object' ? asRead(item) : typeof item === 'bigint' ? narrowed(item) : item,
    );
  return typeof input.value === 'bigint' ? narrowed(input.value) : input.value;
}
const narrowed = (big: bigint): number | bigint => (Number.isSafeInteger(Number(big)) ? Number(big) : big);

describe('writeGguf', () => {
  it('writes metadata of every type that our reader reads back (property)', async () => {
    const key = text.filter((name) => name !== '__proto__' && name !== 'general.alignment');
    await fc.assert(
      fc.asyncProperty(fc.dictionary(key, value, { noNullPrototype: true }), async (metadata) => {
        const { metadata: read } = await readGgufHeader(bytesSource(await written(metadata, [])));
        expect([...read]).toEqual(Object.entries(metadata).map(([name, input]) => [name, asRead(input)]));
      }),
      { numRuns: 100 },
    );
  });

  it('writes tensors of every type, whole or in pieces, that our reader reads back in their order (property)', async () => {
    const shape = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 });
    const kind = fc.constantFrom<GgufWrittenType>('F32', 'F16', 'BF16', 'Q8_0');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(shape, kind, fc.nat()), { maxLength: 6 }), async (inputs) => {
        const wanted = inputs.map(([outer, type, seed], i) => {
          const whole = type === 'Q8_0' ? [...outer, 32] : outer;
          const count = whole.reduce((a, b) => a * b, 1);
          const values = Float32Array.from({ length: count }, (_, j) => Math.fround(Math.sin(seed + j) * 3));
          return { name: `t${i}`, type, shape: whole, data: quantizeGguf(type, values) };
        });
        const tensors = wanted.map(({ data, ...rest }) => ({
          ...rest,
          bytes: async function* () {
            for (let at = 0; at < data.byteLength; at += 7) yield await Promise.resolve(data.subarray(at, at + 7));
          },
        }));
        const source = bytesSource(await written({}, tensors));
        const header = await readGgufHeader(source);
        expect([...header.tensors.keys()]).toEqual(wanted.map(({ name }) => name));
        for (const { name, type, shape: given, data } of wanted) {
          const entry = header.tensors.get(name);
          if (!entry) throw new Error(name);
          expect({ type: entry.type.name, shape: entry.shape }).toEqual({ type, shape: given });
          expect(await source.read(entry.offset, entry.lengthBytes)).toEqual(data);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('writes the bytes of the Python package for the same file', async () => {
    const theirs = decode(recorded.file.bytes);
    const { metadata } = await readGgufHeader(bytesSource(theirs));
    const listOf = (of: 'string' | 'int32' | 'bool', values: GgufValue | undefined): GgufValueToWrite =>
      ({ type: 'array', of, values }) as GgufArrayToWrite; // of that type in the recorded file
    const tensors = Object.entries(recorded.file.tensors).map(([name, { type, shape, values }]) =>
      tensor(name, shape, type as GgufWrittenType, floats(values)),
    );
    const ours = await written(
      {
        'general.architecture': 'llama',
        't.u8': { type: 'uint8', value: 255 },
        't.i8': { type: 'int8', value: -128 },
        't.u16': { type: 'uint16', value: 65_535 },
        't.i16': { type: 'int16', value: -32_768 },
        't.u32': { type: 'uint32', value: 4_294_967_295 },
        't.i32': { type: 'int32', value: -2_147_483_648 },
        't.u64': { type: 'uint64', value: 2n ** 53n },
        't.i64': { type: 'int64', value: -(2 ** 53 - 1) },
        't.f32': { type: 'float32', value: 0.1 },
        't.f64': { type: 'float64', value: 0.1 },
        't.yes': true,
        't.no': false,
        't.text': 'Ġgrüße 🙂',
        't.texts': listOf('string', metadata.get('t.texts')),
        't.numbers': listOf('int32', metadata.get('t.numbers')),
        't.flags': listOf('bool', metadata.get('t.flags')),
      },
      tensors,
    );
    expect(Buffer.from(ours).equals(Buffer.from(theirs))).toBe(true);
  });
});

describe('quantizeGguf', () => {
  it.each(recorded.quantized.map((block) => [block.type, block] as const))(
    'encodes %s as the Python package does, bit for bit',
    (type, block) => {
      expect(quantizeGguf(type, floats(block.values))).toEqual(decode(block.bytes));
    },
  );

  it('rounds halves away from zero and takes the inverse of the scale before it becomes f16', () => {
    const block = (values: number[]): Int8Array => {
      const input = new Float32Array(32);
      input.set(values);
      return new Int8Array(quantizeGguf('Q8_0', input).buffer, 2);
    };
    expect([...block([127, 0.5, -0.5, 1.5, -1.5, 2.5, 0.49])].slice(0, 7)).toEqual([127, 1, -1, 2, -2, 3, 0]);
    // d = 100.3 / 127 is smaller as f16, by which 99.114 / d would be 125.53 and not 125.498
    expect([...block([100.3, 99.114])].slice(0, 2)).toEqual([127, 125]);
    expect([...block([1e-44, -1e-44])].slice(0, 2)).toEqual([0, 0]);
  });

  it('has the numbers and sizes of the types that are read', async () => {
    for (const [name, { id, blockValues, blockBytes }] of Object.entries(ggufWrittenTypes))
      expect(ggufTypes.get(id)).toEqual({ name, blockValues, blockBytes });
    const values = Float32Array.from({ length: 64 }, (_, i) => i / 7);
    const source = bytesSource(await written({}, [tensor('a', [2, 32], 'Q8_0', values)]));
    const entry = (await readGgufHeader(source)).tensors.get('a');
    const read = entry && (await readGgufTensor(source, entry));
    const step = 9 / 127;
    for (const [i, x] of (read ?? []).entries()) expect(Math.abs(x - (values[i] as number))).toBeLessThan(step);
  });
});
