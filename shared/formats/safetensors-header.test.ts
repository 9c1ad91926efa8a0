import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors.ts';
import { limits } from '../limits.ts';
import { parseSafetensorsHeader } from './safetensors-header.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Parses `header` as that of a file with `dataBytes` of data. */
function parse(header: unknown, dataBytes: number): ReturnType<typeof parseSafetensorsHeader> {
  const json = encode(typeof header === 'string' ? header : JSON.stringify(header));
  return parseSafetensorsHeader(json, 8 + json.byteLength + dataBytes, 'm.safetensors');
}

function codes(header: unknown, dataBytes: number): string[] {
  try {
    parse(header, dataBytes);
    return [];
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    expect(error.code).toBe('safetensors-malformed');
    return error.findings.map((finding) => finding.code);
  }
}

const f32 = (begin: number, end: number, shape = [(end - begin) / 4]): object => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

describe('parseSafetensorsHeader refuses', () => {
  it.each<[string, unknown, number, string[]]>([
    ['a header that begins with anything but "{"', ' {}', 0, ['header-start']],
    ['a byte order mark', '\ufeff{}', 0, ['header-start']],
    ['a list', '[]', 0, ['header-start']],
    ['broken JSON', '{"a":', 0, ['header-not-json']],
    ['two JSON values', '{}{}', 0, ['header-not-json']],
    ['overlapping tensors', { a: f32(0, 8), b: f32(4, 12) }, 12, ['overlap']],
    ['a tensor inside another', { a: f32(0, 16), b: f32(4, 8) }, 16, ['overlap']],
    ['two tensors in one place', { a: f32(0, 8), b: f32(0, 8) }, 8, ['overlap']],
    ['an empty tensor in the middle of another', { a: f32(0, 8), b: f32(4, 4) }, 8, ['overlap']],
    ['a hole between tensors', { a: f32(0, 4), b: f32(8, 12) }, 12, ['hole']],
    ['a hole at the beginning', { a: f32(4, 8) }, 8, ['hole']],
    ['bytes after the last tensor', { a: f32(0, 4) }, 5, ['trailing-data']],
    ['bytes after a header without tensors', {}, 1, ['trailing-data']],
    ['a file cut short', { a: f32(0, 4) }, 3, ['truncated']],
    ['offsets the wrong way round', { a: { dtype: 'F32', shape: [1], data_offsets: [4, 0] } }, 4, ['bad-offsets']],
    ['one offset', { a: { dtype: 'F32', shape: [1], data_offsets: [4] } }, 4, ['bad-offsets']],
    ['negative offsets', { a: { dtype: 'F32', shape: [1], data_offsets: [-4, 0] } }, 0, ['bad-offsets']],
    ['missing offsets', { a: { dtype: 'F32', shape: [1] } }, 4, ['bad-offsets']],
    [
      'offsets no number can hold',
      '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,9007199254740993]}}',
      1,
      ['bad-offsets'],
    ],
    ['a shape that disagrees with the offsets', { a: f32(0, 8, [3]) }, 8, ['size-mismatch']],
    ['a scalar of the wrong size', { a: f32(0, 8, []) }, 8, ['size-mismatch']],
    ['an empty shape with data', { a: f32(0, 8, [2, 0]) }, 8, ['size-mismatch']],
    ['a negative dimension', { a: f32(0, 4, [-1]) }, 4, ['bad-shape']],
    ['a fractional dimension', { a: f32(0, 4, [0.5, 2]) }, 4, ['bad-shape']],
    ['a shape that is no list', { a: { dtype: 'F32', shape: 1, data_offsets: [0, 4] } }, 4, ['bad-shape']],
    [
      'a product that wraps around 64 bits to the right size',
      { a: f32(0, 4, [2 ** 40, 2 ** 40]) },
      4,
      ['size-overflow'],
    ],
    ['a product that doubles would round', { a: f32(0, 4, [2 ** 53 - 1, 2 ** 53 - 1]) }, 4, ['size-overflow']],
    ['half a byte', { a: { dtype: 'F4', shape: [3], data_offsets: [0, 2] } }, 2, ['partial-byte']],
    ['an unknown element type', { a: { dtype: 'F12', shape: [1], data_offsets: [0, 4] } }, 4, ['unknown-dtype']],
    [
      'an inherited name as element type',
      { a: { dtype: 'toString', shape: [], data_offsets: [0, 4] } },
      4,
      ['unknown-dtype'],
    ],
    ['an entry that is no object', { a: 7 }, 0, ['tensor-entry']],
    ['an entry that is null', { a: null }, 0, ['tensor-entry']],
    ['metadata that is no object', { __metadata__: 'pt' }, 0, ['metadata']],
    ['metadata with values other than text', { __metadata__: { a: 1, b: 'x', c: {} } }, 0, ['metadata', 'metadata']],
    [
      'a tensor written twice',
      `{"a":${JSON.stringify(f32(0, 4))},"a":${JSON.stringify(f32(0, 4))}}`,
      4,
      ['duplicate-key'],
    ],
    [
      'a key of an entry written twice',
      '{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}',
      4,
      ['duplicate-key'],
    ],
  ])('%s', (_, header, dataBytes, expected) => {
    expect(codes(header, dataBytes)).toEqual(expected);
  });

  it('text that is not UTF-8', () => {
    const json = Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x7d]);
    expect(() => parseSafetensorsHeader(json, 13)).toThrow(/not valid UTF-8/);
  });

  it('everything wrong at once, and names each tensor', () => {
    const header = {
      __metadata__: { version: 3 },
      'layer.a': f32(0, 8, [3]),
      'layer.b': { dtype: 'X', shape: [-1], data_offsets: [8, 12] },
      'layer.c': f32(10, 14),
    };
    expect(codes(header, 20)).toEqual([
      'metadata',
      'size-mismatch',
      'unknown-dtype',
      'bad-shape',
      'overlap',
      'trailing-data',
    ]);
    expect(() => parse(header, 20)).toThrow(
      /m\.safetensors is not a well-formed[^]*"layer\.c": its data overlaps that of "layer\.b"/,
    );
  });

  it('a hostile shape without spending time on it', () => {
    expect(
      codes(
        {
          a: f32(
            0,
            4,
            Array.from({ length: 100_000 }, () => 2 ** 52),
          ),
        },
        4,
      ),
    ).toEqual(['size-overflow']);
  });

  it('a header one byte past the limit, and reads one at the limit', () => {
    const atLimit = new Uint8Array(limits.safetensorsHeaderBytesMax).fill(0x20);
    atLimit.set(encode('{}'));
    expect(parseSafetensorsHeader(atLimit, 8 + atLimit.byteLength).tensors.size).toBe(0);
    const past = new Uint8Array(limits.safetensorsHeaderBytesMax + 1).fill(0x20);
    past.set(encode('{}'));
    expect(() => parseSafetensorsHeader(past, 8 + past.byteLength)).toThrow(/at most 100000000 are allowed/);
  });
});

describe('parseSafetensorsHeader', () => {
  it('gives absolute offsets in the order of the data', () => {
    const header = { b: f32(8, 16, [2, 1]), __metadata__: { format: 'pt' }, a: f32(0, 8) };
    const { tensors, dataOffset, metadata } = parse(header, 16);
    expect([...tensors.keys()]).toEqual(['a', 'b']);
    expect(tensors.get('b')).toEqual({
      name: 'b',
      dtype: 'F32',
      shape: [2, 1],
      offset: dataOffset + 8,
      lengthBytes: 8,
    });
    expect(metadata).toEqual({ format: 'pt' });
  });

  it('accepts data at any alignment, scalars, empty tensors and padding after the JSON', () => {
    const header = {
      x: { dtype: 'U8', shape: [3], data_offsets: [0, 3] },
      empty: { dtype: 'F16', shape: [0, 7], data_offsets: [3, 3] },
      scalar: { dtype: 'F64', shape: [], data_offsets: [3, 11] },
      packed: { dtype: 'F6_E2M3', shape: [4], data_offsets: [11, 14] },
    };
    const { tensors } = parse(`${JSON.stringify(header)}   `, 14);
    expect([...tensors.values()].map((t) => [t.name, t.lengthBytes])).toEqual([
      ['x', 3],
      ['empty', 0],
      ['scalar', 8],
      ['packed', 3],
    ]);
    expect(parse({}, 0).tensors.size).toBe(0);
  });

  it('keeps names that are special to JavaScript as plain names', () => {
    const { tensors, metadata } = parse(
      '{"__metadata__":{"__proto__":"m"},"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
      1,
    );
    expect([...tensors.keys()]).toEqual(['__proto__']);
    expect(Object.entries(metadata)).toEqual([['__proto__', 'm']]);
  });

  it('answers any JSON object with a header or a DomainError (property)', () => {
    const size = fc.oneof(fc.nat(64), fc.integer({ min: -2, max: 2 }), fc.double(), fc.constant(2 ** 60), fc.string());
    const entry = fc.record(
      {
        dtype: fc.oneof(fc.constantFrom('F32', 'U8', 'F4', 'BF16'), fc.string()),
        shape: fc.oneof(fc.array(size, { maxLength: 3 }), fc.jsonValue()),
        data_offsets: fc.oneof(fc.array(size, { maxLength: 3 }), fc.tuple(fc.nat(32), fc.nat(32))),
      },
      { requiredKeys: [] },
    );
    const header = fc.dictionary(
      fc.oneof(fc.string(), fc.constant('__metadata__')),
      fc.oneof({ weight: 5, arbitrary: entry }, fc.jsonValue()),
      { maxKeys: 6 },
    );
    fc.assert(
      fc.property(header, fc.nat(64), (h, dataBytes) => void codes(h, dataBytes)),
      { numRuns: 1000 },
    );
  });
});
