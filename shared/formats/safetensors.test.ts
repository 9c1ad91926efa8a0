import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../errors.ts';
import { limits } from '../limits.ts';
import { bytesSource, type ByteSink, type ByteSource } from './bytes.ts';
import { dtypeBits, encodeFromFloat32, type Dtype } from './dtype.ts';
import { readSafetensorsHeader, readTensor, readTensorChunks } from './safetensors-read.ts';
import { tensorLengthBytes, writeSafetensors, type TensorToWrite } from './safetensors-write.ts';

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

function tensor(name: string, dtype: Dtype, shape: number[], bytes: Uint8Array): TensorToWrite {
  return { name, dtype, shape, bytes: () => Promise.resolve(bytes) };
}

async function written(tensors: TensorToWrite[], metadata?: Record<string, string>): Promise<Uint8Array> {
  const sink = memorySink();
  await writeSafetensors(sink, tensors, metadata);
  return sink.bytes();
}

const anyTensor = fc
  .tuple(fc.constantFrom(...(Object.keys(dtypeBits) as Dtype[])), fc.array(fc.nat(4), { maxLength: 3 }))
  .map(([dtype, shape]) => ({ dtype, shape: dtypeBits[dtype] % 8 === 0 ? shape : [...shape, 4] }))
  .chain(({ dtype, shape }) => {
    const length = tensorLengthBytes({ name: '', dtype, shape });
    return fc.record({
      dtype: fc.constant(dtype),
      shape: fc.constant(shape),
      data: fc.uint8Array({ minLength: length, maxLength: length }),
    });
  });
const anyFile = fc.dictionary(
  fc.string({ unit: 'grapheme' }).filter((name) => name !== '__metadata__'),
  anyTensor,
  { maxKeys: 6 },
);
const toWrite = (file: Record<string, { dtype: Dtype; shape: number[]; data: Uint8Array }>): TensorToWrite[] =>
  Object.entries(file).map(([name, t]) => tensor(name, t.dtype, t.shape, t.data));

describe('readSafetensorsHeader refuses', () => {
  it.each<[string, Uint8Array | string, RegExp]>([
    ['an empty file', '', /it has 0 bytes/],
    ['seven bytes', '1234567', /it has 7 bytes/],
    ['a header longer than the file', '\x10\0\0\0\0\0\0\0{}', /claims 16 bytes, but only 2 follow/],
    ['a zip of pickles by name', `PK\x03\x04${'\0'.repeat(60)}`, /zip archive, probably a PyTorch checkpoint/],
    ['a pickle by name', `\x80\x02}q\0X\x05\0\0\0model`, /Python pickle/],
    ['a GGUF by name', `GGUF\x03\0\0\0${'\0'.repeat(16)}`, /GGUF file/],
    ['a Git LFS pointer by name', 'version https://git-lfs.github.com/spec/v1\noid sha256:00', /Git LFS pointer/],
    ['a saved error page by name', '<!DOCTYPE html><html></html>', /web page/],
    ['something it has never seen', 'hello world, hello world', /header claims/],
  ])('%s', async (_, bytes, message) => {
    const raw = typeof bytes === 'string' ? Uint8Array.from(bytes, (c) => c.charCodeAt(0)) : bytes;
    const result = readSafetensorsHeader(bytesSource(raw, 'adapter_model.safetensors'));
    await expect(result).rejects.toThrow(message);
    await expect(result).rejects.toMatchObject({ code: 'safetensors-malformed' });
  });

  it('a header past the limit before reading it', async () => {
    const reads: number[] = [];
    const source = (length: number): ByteSource => ({
      name: 'big',
      sizeBytes: 1e12,
      read(_, lengthBytes) {
        reads.push(lengthBytes);
        const bytes = new Uint8Array(lengthBytes).fill(0x20);
        if (lengthBytes === 8) new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
        else bytes.set([0x7b, 0x7d]);
        return Promise.resolve(bytes);
      },
    });
    const past = readSafetensorsHeader(source(limits.safetensorsHeaderBytesMax + 1));
    await expect(past).rejects.toThrow(/claims 100000001 bytes/);
    expect(Math.max(...reads)).toBeLessThan(1000);
    // One at the limit is read, and then fails for the data that no tensor owns.
    await expect(readSafetensorsHeader(source(limits.safetensorsHeaderBytesMax))).rejects.toThrow(/after the data/);
    expect(Math.max(...reads)).toBe(limits.safetensorsHeaderBytesMax);
  });

  it('any damage to a good file with a DomainError, or still reads it (property)', async () => {
    const damage = fc.tuple(fc.nat(), fc.nat(3), fc.uint8Array({ maxLength: 4 }));
    await fc.assert(
      fc.asyncProperty(anyFile, fc.array(damage, { minLength: 1, maxLength: 4 }), async (file, damages) => {
        let bytes = [...(await written(toWrite(file)))];
        for (const [at, removed, inserted] of damages) {
          const position = at % (bytes.length + 1);
          bytes = [...bytes.slice(0, position), ...inserted, ...bytes.slice(position + removed)];
        }
        try {
          const source = bytesSource(Uint8Array.from(bytes));
          const header = await readSafetensorsHeader(source);
          for (const entry of header.tensors.values())
            expect((await readTensor(source, entry)).byteLength).toBe(entry.lengthBytes);
        } catch (error) {
          expect(error).toBeInstanceOf(DomainError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('writeSafetensors', () => {
  it('refuses two tensors of one name, and the name of the metadata', async () => {
    const a = tensor('a', 'U8', [1], Uint8Array.of(1));
    await expect(written([a, a])).rejects.toThrow(/cannot both be named a/);
    await expect(written([{ ...a, name: '__metadata__' }])).rejects.toThrow(/__metadata__/);
  });

  it('refuses a tensor that gives too few or too many bytes', async () => {
    for (const length of [3, 5])
      await expect(written([tensor('a', 'F32', [1], new Uint8Array(length))])).rejects.toThrow(/instead of 4/);
  });

  it('refuses a header past the limit', async () => {
    const longName = 'x'.repeat(limits.safetensorsHeaderBytesMax);
    await expect(written([tensor(longName, 'U8', [0], new Uint8Array(0))])).rejects.toThrow(/Write it in shards/);
  });

  it('writes what it read: names, types, shapes, bytes and metadata (property)', async () => {
    const metadata = fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 });
    await fc.assert(
      fc.asyncProperty(anyFile, metadata, async (file, meta) => {
        const source = bytesSource(await written(toWrite(file), meta));
        const header = await readSafetensorsHeader(source);
        expect({ ...header.metadata }).toEqual({ ...meta });
        expect(header.dataOffset % 8).toBe(0);
        const back: [string, unknown][] = [];
        for (const [name, entry] of header.tensors)
          back.push([name, { dtype: entry.dtype, shape: entry.shape, data: await readTensor(source, entry) }]);
        expect(new Map(back)).toEqual(new Map(Object.entries(file)));
      }),
      { numRuns: 300 },
    );
  });

  it('aligns every tensor to its own width and does not depend on the order it is given', async () => {
    const tensors = [
      tensor('b', 'U8', [3], Uint8Array.of(1, 2, 3)),
      tensor('c', 'F16', [1], Uint8Array.of(4, 5)),
      tensor('a', 'F64', [1], new Uint8Array(8)),
      tensor('d', 'F16', [2], Uint8Array.of(6, 7, 8, 9)),
    ];
    const bytes = await written(tensors);
    expect(await written(tensors.toReversed())).toEqual(bytes);
    const { tensors: entries } = await readSafetensorsHeader(bytesSource(bytes));
    expect([...entries.keys()]).toEqual(['a', 'c', 'd', 'b']);
    for (const entry of entries.values()) expect(entry.offset % (dtypeBits[entry.dtype] / 8)).toBe(0);
  });

  it('gives the bytes the Python package safetensors 0.8.0 gives', async () => {
    // save({"w": float32 [[1, 2]], "b": int64 [3], "h": float16 [0.5]}, {"format": "pt"})
    const recorded =
      'yAAAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJiIjp7ImR0eXBlIjoiSTY0Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbMCw4XX0sInciOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzEsMl0sImRhdGFfb2Zmc2V0cyI6WzgsMTZdfSwiaCI6eyJkdHlwZSI6IkYxNiIsInNoYXBlIjpbMV0sImRhdGFfb2Zmc2V0cyI6WzE2LDE4XX19ICAgIAMAAAAAAAAAAACAPwAAAEAAOA==';
    const bytes = await written([
      tensor('w', 'F32', [1, 2], encodeFromFloat32('F32', Float32Array.of(1, 2))),
      tensor('b', 'I64', [1], new Uint8Array(BigInt64Array.of(3n).buffer)),
      tensor('h', 'F16', [1], encodeFromFloat32('F16', Float32Array.of(0.5))),
    ]);
    expect(Buffer.from(bytes).toString('base64')).toBe(recorded);
  });

  it('asks for a tensor only when the one before it is written, and passes pieces on one by one', async () => {
    const events: string[] = [];
    const tensors = ['a', 'b'].map((name): TensorToWrite => ({
      name,
      dtype: 'U8',
      shape: [4],
      async *bytes() {
        for (const half of [0, 1]) {
          events.push(`${name}${half}`);
          yield Promise.resolve(Uint8Array.of(half, half));
        }
      },
    }));
    const sink: ByteSink = {
      write(bytes) {
        events.push(`write ${bytes.byteLength}`);
        return Promise.resolve();
      },
    };
    await writeSafetensors(sink, tensors);
    expect(events.slice(1)).toEqual(['a0', 'write 2', 'a1', 'write 2', 'b0', 'write 2', 'b1', 'write 2']);
  });
});

describe('readTensorChunks', () => {
  it('gives a tensor in pieces of at most the limit, one byte past it in two', async () => {
    for (const [length, sizes] of [
      [0, []],
      [limits.copyChunkBytes, [limits.copyChunkBytes]],
      [limits.copyChunkBytes + 1, [limits.copyChunkBytes, 1]],
    ] as const) {
      const source = bytesSource(new Uint8Array(length + 3));
      const entry = { name: 'a', dtype: 'U8', shape: [length], offset: 3, lengthBytes: length } as const;
      const seen: number[] = [];
      for await (const chunk of readTensorChunks(source, entry)) seen.push(chunk.byteLength);
      expect(seen).toEqual(sizes);
    }
  });
});
