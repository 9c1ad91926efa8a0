import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { limits } from '../../shared/limits.ts';
import type { BlobRef, BlobStore } from '../../shared/platform/ports.ts';
import { collect, failureOf, type Case } from './suite.ts';

/** Blobs that the platform writes itself, and reading. */
export const blobCases: readonly Case[] = [
  {
    name: 'a version that is not there can be read in no way',
    async run({ blobs, folder }, key) {
      const { versionId } = await blobs.put(key, bytesOf('here'));
      const absent: BlobRef[] = [
        { key, versionId: versionId.replaceAll(/[0-9a-f]/g, '0') },
        { key: `${key}-other`, versionId },
      ];
      for (const ref of absent) {
        expect(await blobs.head(ref)).toBeUndefined();
        const calls = [
          () => blobs.read(ref, 0, 1),
          () => blobs.readInto(ref, 0, new Uint8Array(1)),
          () => collect(blobs.stream(ref)),
          () => blobs.materialise(ref, join(folder, `${key}-absent`)),
          () => blobs.signDownload(ref, { fileName: 'x', expiresSeconds: 60 }),
        ];
        for (const call of calls) expect(await failureOf(call())).toMatchObject({ code: 'no-such-blob' });
      }
    },
  },
  {
    name: 'reading beyond the end is refused',
    async run({ blobs }, key) {
      const ref = await blobs.put(key, bytesOf('0123456789'));
      for (const [offset, length] of [
        [0, 11],
        [10, 1],
        [11, 0],
        [-1, 2],
      ] as const) {
        expect(await failureOf(blobs.read(ref, offset, length))).toBeInstanceOf(RangeError);
        expect(await failureOf(blobs.readInto(ref, offset, new Uint8Array(length)))).toBeInstanceOf(RangeError);
      }
    },
  },
  {
    name: 'a file that is there is not replaced when content is put beside it',
    async run({ blobs, folder }, key) {
      const ref = await blobs.put(key, bytesOf('content'));
      const path = join(folder, `${key}-taken`);
      await writeFile(path, 'taken');
      expect(await failureOf(blobs.materialise(ref, path))).toMatchObject({ code: 'EEXIST' });
      expect(await readFile(path, 'utf8')).toBe('taken');
    },
  },
  {
    name: 'a key of the longest length is taken, and longer, empty or malformed ones are not',
    async run({ blobs }, key) {
      const longest = `${key}/ä`.padEnd(limits.blobKeyBytesMax - 1, 'k');
      expect(await blobs.put(longest, bytesOf('x'))).toMatchObject({ key: longest });
      for (const bad of [`${longest}k`, '', 'a\0', 'a\n', 'a\ud800', '/a', 'a/', 'a//b', 'a/./b', '../a']) {
        expect(await failureOf(blobs.put(bad, bytesOf('x')))).toBeInstanceOf(Error);
        expect(await failureOf(blobs.beginMultipart(bad, { partSizeBytes: limits.partBytesMin }))).toBeInstanceOf(
          Error,
        );
      }
    },
  },
  {
    name: 'content comes back whole, in ranges, as a stream and as a file',
    async run({ blobs, folder, now }, key) {
      const content = patternBytes(2_500_000);
      const before = now();
      const ref = await blobs.put(`${key}/a..b/ü 😀?#%+&=`, content);
      expect(ref).toMatchObject({ key: `${key}/a..b/ü 😀?#%+&=`, sizeBytes: content.length });
      // it may be known to the second only
      expect(ref.writtenAt).toBeGreaterThan(before - 1000);
      expect(await blobs.head(ref)).toEqual(ref);
      expect(same(await blobs.read(ref, 0, content.length), content)).toBe(true);
      expect(same(await blobs.read(ref, 1_048_575, 3), content.subarray(1_048_575, 1_048_578))).toBe(true);
      expect(await blobs.read(ref, content.length, 0)).toHaveLength(0);
      const shared = new Uint8Array(new SharedArrayBuffer(10));
      await blobs.readInto(ref, 1_048_575, shared.subarray(2, 9));
      expect([...shared]).toEqual([0, 0, ...content.subarray(1_048_575, 1_048_582), 0]);
      expect(same(Buffer.concat(await collect(blobs.stream(ref))), content)).toBe(true);
      const path = join(folder, `${key}-file`);
      await blobs.materialise(ref, path);
      expect(same(await readFile(path), content)).toBe(true);
    },
  },
  {
    name: 'empty content is content',
    async run({ blobs, folder }, key) {
      const ref = await blobs.put(key, new Uint8Array());
      expect(await blobs.head(ref)).toMatchObject({ sizeBytes: 0 });
      expect(await blobs.read(ref, 0, 0)).toHaveLength(0);
      expect(Buffer.concat(await collect(blobs.stream(ref)))).toHaveLength(0);
      const path = join(folder, `${key}-empty`);
      await blobs.materialise(ref, path);
      expect(await readFile(path)).toHaveLength(0);
    },
  },
  {
    name: 'a file of this machine becomes a blob, and outlives the file',
    async run({ blobs, folder }, key) {
      const content = patternBytes(100_000);
      const path = join(folder, `${key}-source`);
      await writeFile(path, content);
      const ref = await blobs.putFile(key, path);
      expect(ref).toMatchObject({ key, sizeBytes: content.length });
      expect(same(Buffer.concat(await collect(blobs.stream(ref))), content)).toBe(true);
      expect(await failureOf(blobs.putFile(key, join(folder, `${key}-none`)))).toMatchObject({ code: 'ENOENT' });
    },
  },
  {
    name: 'a key may be written again; every version stays as it is',
    async run({ blobs }, key) {
      const first = await blobs.put(key, bytesOf('first'));
      const second = await blobs.put(key, bytesOf('second'));
      expect(second.versionId).not.toBe(first.versionId);
      expect(await textOf(blobs, first)).toBe('first');
      expect(await textOf(blobs, second)).toBe('second');
      expect(await collect(blobs.list(key))).toEqual([second]);
    },
  },
  {
    name: 'a deleted version is gone for good, and the one before is the newest again',
    async run({ blobs }, key) {
      const first = await blobs.put(key, bytesOf('first'));
      const second = await blobs.put(key, bytesOf('second'));
      await blobs.delete({ key: `${key}-other`, versionId: second.versionId });
      expect(await textOf(blobs, second)).toBe('second');
      await blobs.delete(second);
      await blobs.delete(second);
      expect(await blobs.head(second)).toBeUndefined();
      // a put whose answer was lost has left the same content once more
      const newest = async (): Promise<BlobRef | undefined> => (await collect(blobs.list(key)))[0];
      let left = await newest();
      while (left && (await textOf(blobs, left)) === 'second') {
        await blobs.delete(left);
        left = await newest();
      }
      expect(left && (await textOf(blobs, left))).toBe('first');
      expect(await textOf(blobs, first)).toBe('first');
    },
  },
  {
    name: 'a list holds the keys with a prefix, sorted by their UTF-8 bytes',
    async run({ blobs }, key) {
      const names = ['b', 'a', 'a/1', 'a/1/x', 'a%', 'a_', '\uffee', '😀', 'B'];
      for (const name of names) await blobs.put(`${key}/${name}`, bytesOf(name));
      await blobs.put(`${key}0`, bytesOf('beside'));
      const listed = async (prefix: string): Promise<string[]> =>
        (await collect(blobs.list(`${key}/${prefix}`))).map((blob) => blob.key.slice(key.length + 1));
      const ordered = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(await listed('')).toEqual(ordered);
      expect(await listed('a')).toEqual(ordered.filter((name) => name.startsWith('a')));
      expect(await listed('a_')).toEqual(['a_']);
      expect(await listed('none')).toEqual([]);
    },
  },
];

export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** Bytes of which no two megabytes are alike. */
export function patternBytes(length: number, seed = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 1) bytes[at] = (at + seed + (at >>> 8) + (at >>> 16) * 7) & 0xff;
  return bytes;
}

/** Comparing megabytes element by element would take seconds. */
export const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

async function textOf(blobs: BlobStore, ref: BlobRef): Promise<string> {
  return Buffer.concat(await collect(blobs.stream(ref))).toString();
}
