import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { bytesSource, type ByteSource } from '../formats/bytes.ts';
import { readOnce, type IncrementalHash } from './read-once.ts';

const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) % 251);
const expected = createHash('sha256').update(bytes).digest('hex');

function sha256(): IncrementalHash {
  const hash = createHash('sha256');
  return { update: (piece) => void hash.update(piece), hex: () => hash.digest('hex') };
}

/** Counts the bytes that are fetched. */
function counted(into: boolean): { source: ByteSource; fetched: () => number } {
  const inner = bytesSource(bytes);
  let fetched = 0;
  const read = (offset: number, length: number): Promise<Uint8Array> => {
    fetched += length;
    return inner.read(offset, length);
  };
  const readInto = async (target: Uint8Array, offset: number): Promise<void> =>
    target.set(await read(offset, target.byteLength));
  return { source: { ...inner, read, ...(into ? { readInto } : {}) }, fetched: () => fetched };
}

test('stops between pieces, and tells of a source that fails', async () => {
  const controller = new AbortController();
  const stopped = readOnce(bytesSource(bytes), { hash: sha256(), stop: controller.signal, windowBytes: 100 });
  await stopped.read(0, 10);
  controller.abort(new Error('enough'));
  await expect(stopped.finish()).rejects.toThrow('enough');
  let reads = 0;
  const failing = {
    ...bytesSource(bytes),
    read: () => (reads++ === 0 ? Promise.resolve(bytes.slice(0, 100)) : Promise.reject(new Error('cable'))),
  };
  const broken = readOnce(failing, { hash: sha256(), windowBytes: 100 });
  expect(await broken.read(0, 50)).toEqual(bytes.slice(0, 50));
  await expect(broken.read(90, 20)).rejects.toThrow('cable');
  await expect(broken.read(990, 11)).rejects.toThrow(RangeError);
});

test.each([true, false])('every byte comes once and is hashed, whatever is skipped (own buffers: %s)', async (into) => {
  for (const windowBytes of [1, 7, 64, 1000, 5000]) {
    const { source, fetched } = counted(into);
    const seen: number[] = [];
    const once = readOnce(source, { hash: sha256(), windowBytes, onRead: (count) => seen.push(count) });
    expect(await once.read(3, 5)).toEqual(bytes.slice(3, 8));
    expect(await once.read(8, 400)).toEqual(bytes.slice(8, 408));
    expect(await once.read(700, 100)).toEqual(bytes.slice(700, 800));
    expect(await once.finish()).toBe(expected);
    expect([fetched(), seen.at(-1)]).toEqual([1000, 1000]);
  }
});

test('looking back is possible and is not hashed twice', async () => {
  const { source } = counted(true);
  const once = readOnce(source, { hash: sha256(), windowBytes: 10 });
  await once.read(500, 10);
  expect(await once.read(2, 20)).toEqual(bytes.slice(2, 22));
  expect(await once.finish()).toBe(expected);
});

test('an empty source has the hash of nothing', async () => {
  const once = readOnce(bytesSource(new Uint8Array(0)), { hash: sha256() });
  expect(await once.finish()).toBe(createHash('sha256').digest('hex'));
});
