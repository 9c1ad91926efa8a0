import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors.ts';
import { limits } from '../limits.ts';
import { bytesSource, type ByteSource } from './bytes.ts';
import { canDequantizeGguf, dequantizeGguf } from './gguf-dequantize.ts';
import { readGgufHeader } from './gguf-header.ts';
import { readGgufTensor } from './gguf-read.ts';

/** Written by test/parity/record-gguf.py. */
const recorded = JSON.parse(readFileSync(new URL('../../test/parity/fixtures/gguf.json', import.meta.url), 'utf8')) as {
  blocks: { type: string; bytes: string; values: string }[];
  file: { bytes: string; tensors: Record<string, { type: string; shape: number[]; offset: number; values: string }> };
};

const decode = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const floats = (text: string): Float32Array => new Float32Array(decode(text).buffer);
const file = decode(recorded.file.bytes);

/** Builds GGUF bytes piece by piece: numbers as u32, bigint as u64, strings with their length, bytes as they are. */
function bytes(...parts: (number | bigint | string | Uint8Array)[]): Uint8Array {
  const buffers = parts.map((part) => {
    if (typeof part === 'number') return new Uint8Array(Uint32Array.of(part).buffer);
    if (typeof part === 'bigint') return new Uint8Array(BigUint64Array.of(part).buffer);
    return typeof part === 'string' ? Buffer.concat([bytes(BigInt(Buffer.byteLength(part))), Buffer.from(part)]) : part;
  });
  return new Uint8Array(Buffer.concat(buffers));
}

const magic = Buffer.from('GGUF');
const gguf = (tensors: bigint, values: bigint, ...rest: (number | bigint | string | Uint8Array)[]): ByteSource =>
  bytesSource(bytes(magic, 3, tensors, values, ...rest), 'm.gguf');

async function codes(source: ByteSource): Promise<string[]> {
  try {
    await readGgufHeader(source);
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    expect(error.code).toBe('gguf-malformed');
    return error.findings.map((finding) => finding.code);
  }
}

/** One tensor of 32 float32 values at `offset`, and enough data for one. */
const oneTensor = (offset: bigint, type = 0, ne = 32n): (number | bigint | string)[] => ['w', 1, ne, type, offset];
/** Fills a file of one or two short tensors up to their data at 96 or 128, and adds 256 bytes of data. */
const dataOf = (length: number): Uint8Array => new Uint8Array(length);

describe('readGgufHeader refuses', () => {
  it.each<[string, ByteSource, string[]]>([
    ['an empty file', bytesSource(new Uint8Array(0)), ['magic']],
    ['another format', bytesSource(bytes(0x04034b50, 0, 0n, 0n)), ['magic']],
    ['version 1', bytesSource(bytes(magic, 1, 0, 0)), ['version']],
    ['big-endian files', bytesSource(bytes(magic, 0x03000000, 0n, 0n)), ['big-endian']],
    ['a file that ends in its counts', bytesSource(bytes(magic, 3, 0)), ['truncated']],
    ['a tensor count past 2^53', gguf(2n ** 60n, 0n), ['count']],
    ['a tensor count that is a lie', gguf(1000n, 0n), ['truncated']],
    ['a text longer than the file', gguf(0n, 1n, 1000n), ['count']],
    ['a text that is not UTF-8', gguf(0n, 1n, 1n, Uint8Array.of(0xff)), ['not-utf8']],
    ['an unknown metadata type', gguf(0n, 1n, 'k', 99, 0), ['value-type']],
    ['an array of an unknown type', gguf(0n, 1n, 'k', 9, 99, 1n, dataOf(64)), ['value-type']],
    ['an array longer than the file', gguf(0n, 1n, 'k', 9, 0, 2n ** 40n), ['count']],
    ['a key written twice', gguf(0n, 2n, 'k', 4, 1, 'k', 4, 2, dataOf(64)), ['duplicate-key']],
    ['an alignment that is no power of two', gguf(0n, 1n, 'general.alignment', 4, 24, dataOf(64)), ['alignment']],
    ['an alignment that is text', gguf(0n, 1n, 'general.alignment', 8, 'x', dataOf(64)), ['alignment']],
    ['an unknown storage type', gguf(1n, 0n, ...oneTensor(0n, 77), dataOf(256)), ['unknown-type']],
    ['a row that is no whole number of blocks', gguf(1n, 0n, ...oneTensor(0n, 8, 33n), dataOf(256)), ['partial-block']],
    ['misaligned data', gguf(1n, 0n, ...oneTensor(8n), dataOf(256)), ['misaligned']],
    ['data past the end of the file', gguf(1n, 0n, ...oneTensor(256n), dataOf(256)), ['truncated']],
    ['a size no file can have', gguf(1n, 0n, 'w', 2, 2n ** 50n, 2n ** 50n, 0, 0n, dataOf(64)), ['truncated']],
    [
      'overlapping tensors, and two of one name',
      gguf(2n, 0n, ...oneTensor(0n), ...oneTensor(96n), dataOf(400)),
      ['duplicate-tensor'],
    ],
    ['overlapping tensors', gguf(2n, 0n, 'v', 1, 32n, 0, 96n, ...oneTensor(0n), dataOf(400)), ['overlap']],
  ])('%s', async (_, source, expected) => {
    expect(await codes(source)).toEqual(expected);
  });

  it('one dimension more than the limit, and takes a tensor at the limit', async () => {
    const tensor = (dimensions: number): (number | bigint | string | Uint8Array)[] => [
      'w',
      dimensions,
      ...Array.from({ length: dimensions }, () => 2n),
      0,
      0n,
      dataOf(256),
    ];
    expect(await codes(gguf(1n, 0n, ...tensor(limits.ggufDimensionsMax)))).toEqual([]);
    expect(await codes(gguf(1n, 0n, ...tensor(limits.ggufDimensionsMax + 1)))).toEqual(['dimensions']);
  });

  it('arrays nested one deeper than the limit, and takes those at the limit', async () => {
    const nested = (depth: number): ByteSource =>
      gguf(0n, 1n, 'k', 9, ...Array.from({ length: depth - 1 }, () => [9, 1n]).flat(), 4, 1n, 7, dataOf(64));
    expect(await codes(nested(limits.ggufArrayDepthMax))).toEqual([]);
    expect(await codes(nested(limits.ggufArrayDepthMax + 1))).toEqual(['array-depth']);
  });

  it('a header one byte past the limit before reading it, and goes on to read one at the limit', async () => {
    const head = bytes(magic, 3, 0n, 1n, 'k', 8);
    const claiming = (total: number): ByteSource => ({
      name: 'big.gguf',
      sizeBytes: 1e12,
      read: (offset, lengthBytes) => {
        if (offset > 0) return Promise.reject(new Error(`read ${lengthBytes}`));
        const piece = new Uint8Array(lengthBytes);
        piece.set(bytes(head, BigInt(total - head.byteLength - 8)));
        return Promise.resolve(piece);
      },
    });
    await expect(readGgufHeader(claiming(limits.ggufHeaderBytesMax))).rejects.toThrow(/^read 6710/);
    expect(await codes(claiming(limits.ggufHeaderBytesMax + 1))).toEqual(['count']);
  });

  it('any damage to a good file with a DomainError, or still reads it (property)', async () => {
    const damage = fc.tuple(fc.nat(), fc.nat(3), fc.uint8Array({ maxLength: 4 }));
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 4 }), async (damages) => {
        let damaged = [...file];
        for (const [at, removed, inserted] of damages) {
          const position = at % (damaged.length + 1);
          damaged = [...damaged.slice(0, position), ...inserted, ...damaged.slice(position + removed)];
        }
        await codes(bytesSource(Uint8Array.from(damaged)));
      }),
      { numRuns: 300 },
    );
  });
});

describe('readGgufHeader', () => {
  it('reads every metadata type as the Python package wrote it', async () => {
    const { metadata, version } = await readGgufHeader(bytesSource(file));
    expect(version).toBe(3);
    expect(Object.fromEntries(metadata)).toEqual({
      'general.architecture': 'llama',
      't.u8': 255,
      't.i8': -128,
      't.u16': 65535,
      't.i16': -32768,
      't.u32': 4294967295,
      't.i32': -2147483648,
      't.u64': 2n ** 53n,
      't.i64': -(2 ** 53 - 1),
      't.f32': Math.fround(0.1),
      't.f64': 0.1,
      't.yes': true,
      't.no': false,
      't.text': 'Ġgrüße 🙂',
      't.texts': ['a', '', 'ß'],
      't.numbers': [1, -2, 3],
      't.flags': [true, false],
    });
  });

  it('finds and decodes every tensor as the Python package does, bit for bit', async () => {
    const source = bytesSource(file);
    const { tensors } = await readGgufHeader(source);
    expect([...tensors.keys()]).toEqual(Object.keys(recorded.file.tensors));
    for (const [name, { type, shape, offset, values }] of Object.entries(recorded.file.tensors)) {
      const tensor = tensors.get(name);
      if (!tensor) throw new Error(name);
      expect({ ...tensor, type: tensor.type.name }).toMatchObject({ type, shape, offset });
      expect(await readGgufTensor(source, tensor)).toEqual(floats(values));
    }
  });

  it('reads a header of several pieces', async () => {
    const tokens = Array.from({ length: 150_000 }, (_, i) => `token ${i}`);
    const encoded = new Uint8Array(Buffer.concat(tokens.map((token) => bytes(token))));
    const source = gguf(0n, 2n, 'tokens', 9, 8, BigInt(tokens.length), encoded, 'last', 4, 5, dataOf(64));
    const { metadata } = await readGgufHeader(source);
    expect(source.sizeBytes).toBeGreaterThan(2 ** 21);
    expect(metadata.get('tokens')).toEqual(tokens);
    expect(metadata.get('last')).toBe(5);
  });
});

describe('dequantizeGguf', () => {
  it.each(recorded.blocks.map((block) => [block.type, block] as const))(
    'decodes %s as the Python package does, bit for bit',
    (type, block) => {
      expect(dequantizeGguf(type, decode(block.bytes))).toEqual(floats(block.values));
      expect(canDequantizeGguf(type)).toBe(true);
    },
  );

  it('refuses types it does not decode by name, and half a block', () => {
    for (const type of ['IQ2_XXS', 'I32', 'toString']) {
      expect(canDequantizeGguf(type)).toBe(false);
      expect(() => dequantizeGguf(type, new Uint8Array(66))).toThrow(new RegExp(`stored as ${type} cannot`));
    }
    expect(() => dequantizeGguf('Q8_0', new Uint8Array(33))).toThrow(RangeError);
  });
});
